/** Reads and writes the files of a cgroup. */
import { E } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { access, readdir, readText, tryStat, tryWriteExisting, W_OK } from "../sys/fs.ts";

/** Whether this process may write to a path. */
export function writable(path: string): boolean {
  return access(path, W_OK) === 0;
}

/** The text of a cgroup's file, or null if there is none (no such controller, no such cgroup). Throws a SysError. */
export function readFileOf(directory: string, file: string): string | null {
  try {
    return readText(`${directory}/${file}`);
  } catch (error) {
    if (error instanceof SysError && [E.ENOENT, E.ENODEV, E.EOPNOTSUPP].includes(error.errno as never))
      return null;
    throw error;
  }
}

/** The words of a cgroup's file; empty if it does not exist. */
export function wordsOf(directory: string, file: string): string[] {
  return (readFileOf(directory, file) ?? "").split(/\s+/).filter(Boolean);
}

/** Writes to a cgroup's file; returns 0 or -errno. */
export function tryWriteTo(directory: string, file: string, value: string): number {
  return tryWriteExisting(`${directory}/${file}`, value);
}

/** The value of "key value" in a cgroup's file, or null. */
export function keyOf(directory: string, file: string, key: string): string | null {
  for (const line of (readFileOf(directory, file) ?? "").split("\n")) {
    if (line.startsWith(`${key} `)) return line.slice(key.length + 1).trim();
  }
  return null;
}

/** A whole number from a file's text; a bigint above 2^53. "max" becomes 2^64-1, as in runc. */
export function integer(text: string): number | bigint {
  const word = text.trim();
  if (word === "max") return 18446744073709551615n;
  const value = Number(word);
  return Number.isSafeInteger(value) ? value : BigInt(word);
}

/** The names of the directories directly below a cgroup. */
export function childrenOf(directory: string): string[] {
  const stat = tryStat(directory);
  // The link count of a directory is 2 plus the number of directories in it.
  if (typeof stat === "number" || stat.nlink <= 2) return [];
  return readdir(directory)
    .map((name) => `${directory}/${name}`)
    .filter((path) => {
      const child = tryStat(path, true);
      return typeof child !== "number" && (child.mode & 0o170000) === 0o040000;
    });
}
