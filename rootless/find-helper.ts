/** Finds newuidmap and newgidmap without trusting PATH, and explains why a helper does not work. */
import { BrunError } from "../src/errors.ts";
import { advice, runAsRoot } from "../src/fix.ts";
import { call, fileType, hasFileCapabilities, isNosuid, tryStat, variable } from "../src/host/ask.ts";
import { installFix, PACKAGES } from "../src/package-names.ts";
import { S } from "../src/sys/fs.ts";
import type { Diagnosis } from "./host-view.ts";

/** The programs that write id maps for an unprivileged user. */
export type MapHelper = "newuidmap" | "newgidmap";

/**
 * The directories in which distributions install them. The last one is for NixOS, which keeps
 * its setuid programs there.
 */
export const SYSTEM_DIRECTORIES = [
  "/usr/bin",
  "/usr/local/bin",
  "/usr/sbin",
  "/usr/local/sbin",
  "/bin",
  "/sbin",
  "/run/wrappers/bin",
] as const;

const S_ISUID = 0o4000;
const WRITABLE_BY_OTHERS = 0o022;
const PR_GET_NO_NEW_PRIVS = 39;

/**
 * The absolute path of a helper: from the system's directories, otherwise from PATH. In PATH only files and
 * directories count that root owns and no other user can write, so a planted program is never run. Throws a
 * BrunError that names the package if there is none.
 * @param pathVariable replaces PATH
 */
export function findHelper(name: MapHelper, pathVariable?: string): string {
  let distrusted: string | null = null;
  for (const directory of SYSTEM_DIRECTORIES) {
    const path = `${directory}/${name}`;
    if (trusted(path, S.IFREG)) return path;
    if (isFile(path)) distrusted ??= path;
  }
  for (const directory of (pathVariable ?? variable("PATH") ?? "").split(":")) {
    if (!directory.startsWith("/")) continue;
    const path = `${directory}/${name}`;
    if (trusted(path, S.IFREG) && trusted(directory, S.IFDIR)) return path;
    if (isFile(path)) distrusted ??= path;
  }
  if (distrusted !== null) {
    throw new BrunError(`${distrusted} is not used: it or its directory is not root's alone to write here`, {
      hint: "in a user namespace without root nothing is root's: start brun outside, or do with one id (--userns=single)",
    });
  }
  throw new BrunError(`${name} is not installed, and more than one id needs it`, {
    fix: installFix(PACKAGES.uidmap),
  });
}

function isFile(path: string): boolean {
  return fileType(path) === S.IFREG;
}

function trusted(path: string, type: number): boolean {
  const stat = tryStat(path);
  if (typeof stat === "number") return false;
  return (stat.mode & S.IFMT) === type && stat.uid === 0 && (stat.mode & WRITABLE_BY_OTHERS) === 0;
}

/**
 * Why a helper has no privilege when it runs, with the fix; null if no known cause applies. Only for the error
 * path: it looks at the file, its mount and this process.
 */
export function lacksPrivilege(path: string): Diagnosis | null {
  if (call("prctl", PR_GET_NO_NEW_PRIVS) === 1) {
    return {
      cause: "this process has no_new_privs set, so setuid programs gain nothing",
      fix: advice(
        "start brun without it (systemd: NoNewPrivileges=no; docker and podman: no --security-opt no-new-privileges)",
      ),
    };
  }
  const stat = tryStat(path);
  if (typeof stat === "number") return null;
  if ((stat.mode & S_ISUID) === 0 && !hasFileCapabilities(path)) {
    return {
      cause: `${path} is neither setuid root nor has file capabilities`,
      fix: runAsRoot(`chmod u+s ${path}`, ", or reinstall its package"),
    };
  }
  if (isNosuid(path)) {
    return {
      cause: `${path} is on a file system mounted nosuid`,
      fix: advice(
        `remount it with suid as root ("mount -o remount,suid" on what "findmnt -T ${path}" shows), or install it elsewhere`,
        "root",
      ),
    };
  }
  return null;
}
