/**
 * The files of cached plans of `run`, `ROOT/@run/NUMBER`: by which key one is found, and which are removed. The number is
 * a hash of the whole key, so that plans that are used in turn do not take each other's place.
 */
import { CACHED_DIRECTORY } from "../../plan/abi.ts";
import { CACHED_MAX, LIST_FILE } from "../../plan/file-abi.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { mkdir, readdir, replaceFile, S, tryStat, unlink } from "../../sys/fs.ts";
import { removeLeftTemporaries } from "../../sys/left-temporaries.ts";
import { each, filtered, mapped } from "../../sys/lists.ts";
import { utf8 } from "../../sys/utf8.ts";
import type { CachedCommand } from "../types.ts";

/** A file, and the key by which it is found. */
export interface KeptPlan {
  readonly bytes: Uint8Array;
  readonly key: readonly string[];
}

/** The key of the plan of a bundle. */
export function keyOfBundle(bundle: string, detach = false, oldKeyring = false): readonly string[] {
  return [bundle, ...(detach ? ["--detach"] : []), ...(oldKeyring ? ["--no-new-keyring"] : [])];
}

/**
 * The key of the plan of a command: of any directory, or of the current one.
 * @param root the state directory, which is in the plan: a mount covers it
 */
export function keyOfCommand(
  { words, directory }: Pick<CachedCommand, "words" | "directory">,
  anyDirectory: boolean,
  root: string,
): readonly string[] {
  return [...words, anyDirectory ? "" : directory, root];
}

/** Path of the file with the plan of this key, or of another one with the same hash. */
export function planPath(root: string, key: readonly string[]): string {
  return `${root}/${CACHED_DIRECTORY}/${numberOf(key.join("\0"))}`;
}

/** FNV-1a of the UTF-8, as eight hexadecimal digits. */
function numberOf(text: string): string {
  let hash = 2166136261;
  each(utf8(text), (byte) => {
    const mixed = (hash ^ byte) >>> 0;
    hash = (mixed * 0x193 + (mixed << 24)) >>> 0; // times 0x1000193
  });
  return hash.toString(16).padStart(8, "0");
}

/** Writes a plan down. Throws nothing: if the file cannot be written, the next run boots Bun again. */
export function keepPlan(root: string, { bytes, key }: KeptPlan): void {
  const directory = `${root}/${CACHED_DIRECTORY}`;
  try {
    if (mkdir(directory, 0o700) !== 0 && !isOwnDirectory(directory)) return;
    removeLeftTemporaries(directory);
    const path = planPath(root, key);
    replaceFile(path, bytes);
    removeOldest(directory, path);
  } catch {
    // See above.
  }
}

/** Removes files that were written before the others, so that at most {@link CACHED_MAX} are left, and the new one is. */
function removeOldest(directory: string, made: string): void {
  const names = readdir(directory);
  if (names.length <= CACHED_MAX) return;
  const paths = mapped(names, (name) => `${directory}/${name}`);
  const files = filtered(paths, (path) => path !== made && path !== `${directory}/${LIST_FILE}`);
  const many = files.length - (CACHED_MAX - 1);
  if (many <= 0) return;
  const written = (path: string): number => {
    const stat = tryStat(path, true);
    return typeof stat === "number" ? 0 : stat.ctime;
  };
  const ages = files.map((path) => ({ path, at: written(path) })).sort((a, b) => a.at - b.at);
  each(ages.slice(0, many), ({ path }) => unlink(path));
}

/** Where others could have put something in our name, nothing is written. */
function isOwnDirectory(path: string): boolean {
  const stat = tryStat(path, true);
  if (typeof stat === "number" || (stat.mode & S.IFMT) !== S.IFDIR) return false;
  return stat.uid === syscall(NR.geteuid) && (stat.mode & 0o022) === 0;
}
