/**
 * Questions about files of the host for which a whole stamp would be too much. Facts that change all the time,
 * such as the times of /tmp, are no inputs if nothing depends on them. ask.ts has the other questions, and says
 * why there are questions.
 */
import { InputKind, SHARED_SAMPLE } from "../plan/file-abi.ts";
import * as fs from "../sys/fs.ts";
import * as inRoot from "../sys/in-root.ts";
import { utf8 } from "../sys/utf8.ts";
import { fileType, stampOfNames, tryStat } from "./ask.ts";
import { matcher } from "./pattern.ts";
import { asking, isRecording, record } from "./recorder.ts";
import { word, words } from "./words.ts";

const NOFOLLOW = 1;

function detailOf(nofollow: boolean): number {
  return nofollow ? NOFOLLOW : 0;
}

/** The facts about a file that seldom change. */
export interface Status {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** The number of a device. */
  readonly rdevMajor: number;
  readonly rdevMinor: number;
}

/** Mode, owner and device of a path, or -errno. Only these are the input, not size and times. */
export function status(path: string, nofollow = false): Status | number {
  const stat = asking(() => fs.tryStat(path, nofollow));
  if (!isRecording()) return stat;
  const detail = detailOf(nofollow);
  if (typeof stat === "number") record(InputKind.type, detail, path, word(stat));
  else {
    const { mode, uid, gid, rdevMajor, rdevMinor } = stat;
    record(InputKind.status, detail, path, words([mode, uid, gid, rdevMajor, rdevMinor]));
  }
  return stat;
}

/** The size of a file, or 0 without one. The input is the file's stamp. */
export function sizeOf(path: string, nofollow = false): number {
  const stat = tryStat(path, nofollow);
  return typeof stat === "number" ? 0 : stat.size;
}

/** A text that identifies the file at a path; null if there is none. */
export function identity(path: string): string | null {
  const stat = asking(() => fs.tryStat(path));
  if (typeof stat === "number") {
    record(InputKind.type, 0, path, word(stat));
    return null;
  }
  const { ino, devMajor, devMinor } = stat;
  const halves = [Number(BigInt.asUintN(32, ino)), Number(ino >> 32n)];
  record(InputKind.identity, 0, path, words([...halves, devMajor, devMinor]));
  return `${devMajor}:${devMinor}:${ino}`;
}

/**
 * The names in a directory that match one of the patterns, sorted; null if it cannot be listed. Only these names
 * are the input. The stamp before them saves the front from listing a directory that has not changed.
 */
export function namesIn(path: string, patterns: readonly string[]): string[] | null {
  const stamp = asking(() => stampOfNames(path));
  const found = asking(() => listed(path));
  const names = found === null ? null : found.filter(matcher(patterns)).sort();
  if (isRecording())
    record(InputKind.names, 0, lines([path, ...patterns]), names === null ? null : joined(stamp, names));
  return names;
}

/**
 * Whether a directory is empty; false if it cannot be listed. The input of an empty directory is its stamp.
 * Otherwise it is the existence of one entry, so that the other entries may change.
 */
export function isEmptyDirectory(path: string): boolean {
  const [first] = (asking(() => listed(path)) ?? []).sort();
  if (first !== undefined) {
    fileType(`${path}/${first}`, true);
    return false;
  }
  // The second listing comes after the stamp: an entry that was made in between is found.
  tryStat(path);
  return asking(() => listed(path))?.length === 0;
}

function listed(path: string): string[] | null {
  try {
    return fs.readdir(path);
  } catch {
    return null;
  }
}

/** Whether a directory that the caller may write to has an entry of another user. Only the answer is the input. */
export function hasSharedEntry(path: string, uid: number, gid: number): boolean {
  const found = asking(() =>
    (listed(path) ?? []).slice(0, SHARED_SAMPLE).some((name) => isShared(`${path}/${name}`, uid, gid)),
  );
  record(InputKind.shared, 0, path, words([uid, gid, found ? 1 : 0]));
  return found;
}

function isShared(path: string, uid: number, gid: number): boolean {
  const stat = fs.tryStat(path, true);
  if (typeof stat === "number" || (stat.mode & fs.S.IFMT) === fs.S.IFLNK) return false;
  return (stat.uid !== uid || stat.gid !== gid) && fs.access(path, fs.W_OK) === 0;
}

/** The text of a file below a root file system; see src/sys/in-root.ts. */
export function textInRoot(root: string, path: string): string | null {
  const text = asking(() => inRoot.textInRoot(root, path));
  record(InputKind.fileInRoot, 0, lines([root, path]), text === null ? null : utf8(text));
  return text;
}

/** Whether a path exists below a root file system. */
export function existsInRoot(root: string, path: string): boolean {
  const there = asking(() => inRoot.existsInRoot(root, path));
  record(InputKind.existsInRoot, 0, lines([root, path]), word(there ? 1 : 0));
  return there;
}

function joined(stamp: Uint8Array, names: readonly string[]): Uint8Array {
  const texts = names.length === 0 ? new Uint8Array(0) : lines(names);
  const all = new Uint8Array(stamp.length + texts.length);
  all.set(stamp);
  all.set(texts, stamp.length);
  return all;
}

/** The caller's rights to a path, a bit each: 4 read, 2 write, 1 execute or search. */
export function rights(path: string): number {
  let bits = 0;
  asking(() => {
    for (const right of [fs.R_OK, fs.W_OK, fs.X_OK]) if (fs.access(path, right) === 0) bits |= right;
  });
  record(InputKind.rights, 0, path, word(bits));
  return bits;
}

/** Joins texts, each with a NUL at its end. */
function lines(texts: readonly string[]): Uint8Array {
  return utf8(`${texts.join("\0")}\0`);
}
