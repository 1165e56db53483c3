/** Hooks of brun's own that speak to whoever has started the container. */
import type { Hook } from "../spec/index.ts";
import { any } from "../sys/lists.ts";

/**
 * A variable of such a hook's environment: the hook writes to the stderr of brun. What other hooks write is kept, and shown if they
 * fail.
 */
export const KEEPS_STDERR = "BRUN_HOOK_STDERR=inherit";

/** Whether a hook is one. */
export function keepsStderr({ env }: Hook): boolean {
  return any(env, (entry) => entry === KEEPS_STDERR);
}
