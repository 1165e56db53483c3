/**
 * Compiled filters on disk. An entry is one file, whose name is a hash of its key. It contains the whole key, so a
 * hash collision or a renamed file cannot give a container a wrong filter. An entry is used only if file and
 * directory belong to the caller, other users cannot write to either, and the checksum is right. Programs in a
 * sandbox may have the caller's id, and a cover keeps them away (src/sandbox/own-state.ts).
 *
 *   magic and checksum (8 bytes each) | lengths of key, facts, filter (4 each) | key | facts (JSON) | filter
 */

import { variable } from "../sys/environment.ts";
import { NR, syscall } from "../sys/ffi.ts";
import {
  close,
  fstat,
  mkdirAll,
  O,
  readdir,
  readFd,
  readText,
  replaceFile,
  S,
  type Stat,
  tryOpen,
  tryStat,
  unlink,
} from "../sys/fs.ts";
import { removeLeftTemporaries } from "../sys/left-temporaries.ts";
import { each } from "../sys/lists.ts";
import { fromUtf8, joined, utf8 } from "../sys/utf8.ts";

/** A cached filter, with facts about how it was made. */
export interface CacheEntry {
  readonly bpf: Uint8Array;
  readonly notes: readonly string[];
  /**
   * The path of the libseccomp that made it, and its identity: after an update of the library the
   * filter is compiled again.
   */
  readonly library: string;
  readonly libraryIdentity: string;
}

const MAGIC = 0x31_66_70_62_6e_75_72_62n; // "brunbpf1", little endian
const HEADER = 28;
const WRITABLE_BY_OTHERS = 0o022;
const MAX_ENTRIES = 64;
const SUFFIX = ".bpf";

/**
 * The caller's cache directory: $XDG_CACHE_HOME/brun or ~/.cache/brun, for root /var/cache/brun.
 * Undefined if nothing is cached.
 */
export function ownCacheDirectory(): string | undefined {
  if (syscall(NR.geteuid) === 0) return "/var/cache/brun";
  const [XDG_CACHE_HOME, HOME] = [variable("XDG_CACHE_HOME"), variable("HOME")];
  if (XDG_CACHE_HOME?.startsWith("/")) return `${XDG_CACHE_HOME}/brun`;
  return HOME?.startsWith("/") && HOME !== "/" ? `${HOME}/.cache/brun` : undefined;
}

/** The entry of a key. Null if there is none, if it is not trusted, or if libseccomp has changed since. */
export function readCache(directory: string, key: string): CacheEntry | null {
  const fd = tryOpen(entryPath(directory, key), O.RDONLY | O.NOFOLLOW | O.NONBLOCK);
  if (fd < 0) return null;
  try {
    const stat = fstat(fd);
    if (!isOurs(stat) || (stat.mode & S.IFMT) !== S.IFREG || !isOurs(tryStat(directory))) return null;
    return decode(readFd(fd, "the seccomp cache", stat.size), key);
  } finally {
    close(fd);
  }
}

function isOurs(stat: Stat | number): boolean {
  return (
    typeof stat !== "number" && stat.uid === syscall(NR.geteuid) && (stat.mode & WRITABLE_BY_OTHERS) === 0
  );
}

/**
 * Stores an entry, atomically and readable only by its owner. Does nothing if the cache cannot be written (a
 * read-only or full file system).
 */
export function writeCache(directory: string, key: string, entry: CacheEntry): void {
  try {
    mkdirAll(directory);
    removeLeftTemporaries(directory);
    evict(directory);
    replaceFile(entryPath(directory, key), encode(key, entry));
  } catch {
    // the next run compiles again
  }
}

/** The identity of a file, which changes when it is replaced or written. Null if it does not exist. */
export function fileIdentity(path: string): string | null {
  const stat = tryStat(path);
  return typeof stat === "number" ? null : `${stat.ino}:${stat.size}:${stat.ctime}`;
}

/** The path of the libseccomp that this process has loaded. */
export function loadedLibrary(): string | null {
  return /(\/\S*\/libseccomp\.so\.2\S*)$/m.exec(readText("/proc/self/maps"))?.[1] ?? null;
}

function entryPath(directory: string, key: string): string {
  return `${directory}/${Bun.hash(key)}${SUFFIX}`;
}

function encode(key: string, entry: CacheEntry): Uint8Array {
  const { bpf, ...facts } = entry;
  const parts = [utf8(key), utf8(JSON.stringify(facts)), bpf];
  const file = joined([new Uint8Array(HEADER), ...parts]);
  const view = new DataView(file.buffer);
  view.setBigUint64(0, MAGIC, true);
  each(parts, (part, i) => view.setUint32(16 + 4 * i, part.length, true));
  view.setBigUint64(8, checksum(file), true);
  return file;
}

function decode(file: Uint8Array, key: string): CacheEntry | null {
  if (file.length < HEADER) return null;
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (view.getBigUint64(0, true) !== MAGIC || view.getBigUint64(8, true) !== checksum(file)) return null;
  const factsStart = HEADER + view.getUint32(16, true);
  const bpfStart = factsStart + view.getUint32(20, true);
  if (bpfStart + view.getUint32(24, true) !== file.length) return null;
  if (fromUtf8(file.subarray(HEADER, factsStart)) !== key) return null;
  const facts = JSON.parse(fromUtf8(file.subarray(factsStart, bpfStart))) as Omit<CacheEntry, "bpf">;
  if (fileIdentity(facts.library) !== facts.libraryIdentity) return null;
  return { ...facts, bpf: file.subarray(bpfStart) };
}

function checksum(file: Uint8Array): bigint {
  return BigInt(Bun.hash(file.subarray(16)));
}

/** Limits the number of entries: if there are too many, the older half is deleted. */
function evict(directory: string): void {
  const entries = readdir(directory).filter((name) => name.endsWith(SUFFIX));
  if (entries.length < MAX_ENTRIES) return;
  const byAge = entries
    .map((name) => {
      const stat = tryStat(`${directory}/${name}`, true);
      return { name, ctime: typeof stat === "number" ? 0 : stat.ctime };
    })
    .sort((a, b) => a.ctime - b.ctime);
  for (const { name } of byAge.slice(0, MAX_ENTRIES / 2)) unlink(`${directory}/${name}`);
}
