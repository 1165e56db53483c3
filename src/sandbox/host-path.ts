/** Paths that flags name. */
import { absolute } from "../sys/fs.ts";
import { passwdHome } from "./homes.ts";
import type { HostView } from "./view.ts";

/** Begins like a path, as podman sees it: another word would be a name. */
export const PATH_START = /^[./~]/;

/**
 * A path of the host, absolute: relative ones are of the current directory. No shell has replaced the "~" of
 * `-v DIR:~/.config` or `--hide=~/x`: it is the caller's home.
 */
export function hostPath(text: string, view: HostView): string {
  const rest = /^~(?=\/|$)(.*)$/s.exec(text)?.[1];
  if (rest === undefined) return absolute(text, view.cwd);
  return absolute(`${view.environment.HOME || passwdHome(view) || "/"}/${rest}`, view.cwd);
}
