/** The caller's home directories. */
import { absolute } from "../sys/fs.ts";
import type { HostView } from "./view.ts";

/**
 * The home directories, each once: $HOME, the one in /etc/passwd, and if root acts for another user (sudo,
 * doas, pkexec), the home of that user. The root directory is never one of them.
 */
export function homes(view: HostView): string[] {
  const { environment: env, caller } = view;
  const forWhom = caller.uid === 0 ? [env.SUDO_UID, env.PKEXEC_UID, env.DOAS_USER] : [];
  const found = [env.HOME, passwdHome(view), ...forWhom.map((user) => user && homeOf(view, user))];
  return [...new Set(found.filter((home) => home?.startsWith("/")).map((home) => absolute(home!)))].filter(
    (home) => home !== "/",
  );
}

/** The home directory in /etc/passwd (passwd(5)); undefined without an entry for the caller. */
export function passwdHome(view: HostView): string | undefined {
  return homeOf(view, `${view.caller.uid}`);
}

/** @param user a name or an id */
function homeOf({ text }: HostView, user: string): string | undefined {
  const lines = (text("/etc/passwd") ?? "").split("\n").map((line) => line.split(":"));
  return lines.find(([name, , uid]) => uid === user || name === user)?.[5];
}
