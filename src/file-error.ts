/** Why a file that a flag names cannot be had, and what to do about it. Loaded when it is wanted. */
import { BrunError } from "./errors.ts";
import { E, errnoText } from "./sys/errno.ts";
import { SysError } from "./sys/error.ts";
import { NR, syscall } from "./sys/ffi.ts";
import { absolute, access, tryStat, X_OK } from "./sys/fs.ts";

/** What was to be done with the file. */
export type FileUse = "read" | "written";

/**
 * The error to throw for one of opening or reading a file; what is no SysError is given back.
 * @param where the flag with its value
 * @param path as it was given
 */
export function fileError(where: string, path: string, use: FileUse, error: unknown): unknown {
  if (!(error instanceof SysError)) return error;
  const { errno, code } = error;
  const why = `${errnoText(errno)} (${code})`;
  const hint = remedy(path, use, errno);
  return new BrunError(`${where} cannot be ${use}: ${why}`, { where, code, hint, cause: error });
}

function remedy(path: string, use: FileUse, errno: number): string | undefined {
  const full = absolute(path);
  const parent = full.slice(0, full.lastIndexOf("/")) || "/";
  switch (errno) {
    case E.ENOENT:
      if (use === "written") return `make its directory: mkdir -p ${parent}`;
      return path.startsWith("/")
        ? `there is no ${firstMissing(full)}`
        : `it is looked for in ${absolute(".")}`;
    case E.EISDIR:
      return use === "written" ? `name a file in it, such as ${full}/brun.log` : "name a file";
    case E.ENOTDIR:
      return `not all of ${parent} are directories`;
    case E.EACCES:
      return `${barrier(full, parent)}; choose a file that uid ${syscall(NR.geteuid)} may ${use === "read" ? "read" : "write"}`;
    default:
      return undefined;
  }
}

/** The path and those above it, the root first. */
function steps(full: string): string[] {
  const parts = full.split("/");
  return parts.map((_, i) => parts.slice(0, i + 1).join("/") || "/");
}

function firstMissing(full: string): string {
  return steps(full).find((step) => typeof tryStat(step) === "number") ?? full;
}

/** Who may pass where the caller may not: a directory on the way, else the file, else the directory for a new one. */
function barrier(full: string, parent: string): string {
  const closed = (step: string) => step !== full && access(step, X_OK) === -E.EACCES;
  const found = steps(full).find(closed) ?? (typeof tryStat(full) === "number" ? parent : full);
  const stat = tryStat(found);
  if (typeof stat === "number") return `${found} cannot be looked at`;
  return `${found} belongs to uid ${stat.uid} and has mode ${(stat.mode & 0o7777).toString(8).padStart(4, "0")}`;
}
