/** The caller's home directories. */
import { absolute } from "../sys/fs.ts";
import type { HostView } from "./view.ts";

/** $HOME and the one in /etc/passwd, each once. Neither is the root directory. */
export function homes(view: HostView): string[] {
  const found = [view.environment.HOME, passwdHome(view)]
    .filter((home) => home?.startsWith("/"))
    .map((home) => absolute(home!));
  return [...new Set(found)].filter((home) => home !== "/");
}

/** The home directory by /etc/passwd (passwd(5)); undefined for a caller who is not in that file. */
export function passwdHome({ caller, text }: HostView): string | undefined {
  const lines = (text("/etc/passwd") ?? "").split("\n").map((line) => line.split(":"));
  return lines.find((fields) => fields[2] === `${caller.uid}`)?.[5];
}
