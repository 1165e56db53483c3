/** Hooks that run brun itself: `brun sandbox-hook`. */
import type { Hook } from "../spec/index.ts";
import type { HostView } from "./view.ts";

/** Makes a hook with these arguments. Its timeout is half a minute. */
export function ownHook({
  self,
  environment,
}: Pick<HostView, "self" | "environment">): (words: readonly string[]) => Hook {
  const [path = "", ...script] = self;
  const env = [`PATH=${environment.PATH ?? ""}`];
  return (words) => ({ path, args: [path, ...script, "sandbox-hook", ...words], env, timeout: 30 });
}
