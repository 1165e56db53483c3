/** Paths in flags. */
import { absolute } from "../sys/fs.ts";
import { passwdHome } from "./homes.ts";
import type { HostView } from "./view.ts";

/** The start of a path, as in podman. Any other word is a name. */
export const PATH_START = /^[./~]/;

/**
 * The absolute path for a path of the host in a flag. A relative path is relative to the current directory.
 * "~" is the caller's home, since shells do not replace it in `-v DIR:~/.config` or `--hide=~/x`.
 */
export function hostPath(text: string, view: HostView): string {
  const rest = /^~(?=\/|$)(.*)$/s.exec(text)?.[1];
  if (rest === undefined) return text.startsWith("/") ? absolute(text) : absolute(text, view.cwd());
  const home = view.environment.HOME || passwdHome(view) || "/";
  return home.startsWith("/") ? absolute(`${home}/${rest}`) : absolute(`${home}/${rest}`, view.cwd());
}
