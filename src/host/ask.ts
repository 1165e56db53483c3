/**
 * The questions that compiling a config asks about the caller and the machine. Each answer is kept with its
 * question (recorder.ts), so that a plan is used again only if compiling would give the same one. Code that
 * compiles calls these functions, and none of src/sys that asks the kernel (questions.test.ts). ask-files.ts and
 * ask-caller.ts have further ones. A new kind of question needs a kind of input that nsenter/front/guard.c can ask
 * again. Otherwise it has to call `uncacheable`.
 */
import { InputKind } from "../plan/file-abi.ts";
import { layout } from "../plan/layout.ts" with { type: "macro" };
import { FS_MAGIC, IOCTL } from "../sys/constants.ts";
import * as given from "../sys/environment.ts";
import { E } from "../sys/errno.ts";
import { check, SysError } from "../sys/error.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import * as fs from "../sys/fs.ts";
import { any, each } from "../sys/lists.ts";
import { SENSELESS } from "../sys/refused-calls.ts";
import type { SyscallName } from "../sys/syscalls.ts";
import { fromUtf8 } from "../sys/utf8.ts";
import { asking, isRecording, record, uncacheable } from "./recorder.ts";
import { word, words } from "./words.ts";

/** The words of struct statx that make up a `stamp` of src/plan/structs.ts. */
const STAMP = [
  0x20, 0x24, 0x28, 0x2c, 0x60, 0x64, 0x70, 0x74, 0x68, 0x78, 0x88, 0x8c, 0x14, 0x18, 0x1c,
] as const;
const SIZE = layout("stamp").sizeof;
const MODE = 0x1c;
const CTIME = 0x60;

/** The kernel's clock for file times ticks every 1 to 10 ms. */
const SETTLED_MS = 20;
/** Some file systems keep no more than the second: ext4 with inodes of 128 bytes, ext2, FAT (two seconds). */
const SETTLED_SECONDS_MS = 2_020;

/** The stamp in the last result of statx(2). */
function lastStamp(): Uint8Array {
  const status = fs.lastStatus;
  const stamp = new Uint32Array(SIZE / 4);
  each(STAMP, (at, i) => {
    stamp[i] = at === MODE ? status[at / 4]! & 0xffff : status[at / 4]!;
  });
  return new Uint8Array(stamp.buffer);
}

/**
 * The stamp of a file of brun's own, which is no input. Such a file is only replaced, so a later one has another
 * inode or time. Throws a SysError.
 */
export function stampNow(path: string, nofollow = false): Uint8Array {
  const stat = fs.tryStat(path, nofollow);
  if (typeof stat === "number") throw new SysError(`stat ${path}`, -stat);
  return lastStamp();
}

/**
 * Whether a file that was changed at this time may change again without a new time.
 * @param now in milliseconds
 */
export function mayKeepTime(seconds: number, nanoseconds: number, now: number): boolean {
  const settled = nanoseconds === 0 ? SETTLED_SECONDS_MS : SETTLED_MS;
  return seconds * 1000 + nanoseconds / 1e6 > now - settled;
}

/** {@link mayKeepTime} for the file of the last statx(2). */
function hasJustChanged(): boolean {
  const status = fs.lastStatus;
  const seconds = status[CTIME / 4]! + status[CTIME / 4 + 1]! * 4294967296;
  return mayKeepTime(seconds, status[CTIME / 4 + 2]!, Date.now());
}

/** File systems of this machine, on which the times of a directory change with the names in it: statfs(2). */
const KEEP_TIMES: readonly number[] = [
  0xef53, // ext2, ext3, ext4
  0x58465342, // XFS
  0x9123683e, // Btrfs
  0xf2f52010, // F2FS
  FS_MAGIC.TMPFS,
];

/**
 * The stamp of a directory that tells whether there are other names in it; zeros if it does not tell that. To be
 * taken before the names are. It is no input itself.
 */
export function stampOfNames(path: string): Uint8Array {
  const found = typeof fs.tryStat(path) !== "number" && !hasJustChanged();
  const stamp = found ? lastStamp() : new Uint8Array(SIZE);
  const buffer = new Uint32Array(30);
  const known = found && syscall(NR.statfs, cstr(path), buffer) >= 0 && KEEP_TIMES.includes(buffer[0]!);
  return known ? stamp : new Uint8Array(SIZE);
}

function stampOf(path: string): Uint8Array {
  if (hasJustChanged()) uncacheable(`${path} has just been changed`);
  return lastStamp();
}

/** Records a file's stamp, taken from the last result of statx(2). */
function recordStamp(path: string, nofollow: boolean, found: boolean, errno: number): void {
  if (!isRecording()) return;
  if (found) record(InputKind.stamp, nofollow ? 1 : 0, path, stampOf(path));
  else record(InputKind.type, nofollow ? 1 : 0, path, word(errno));
}

/** The status of a path, or -errno. The input is the file's whole stamp. */
export function tryStat(path: string, nofollow = false): fs.Stat | number {
  const stat = asking(() => fs.tryStat(path, nofollow));
  recordStamp(path, nofollow, typeof stat !== "number", stat as number);
  return stat;
}

/** The type of a path (S_IFMT of its mode), or -errno. Only the type is the input. */
export function fileType(path: string, nofollow = false): number {
  const stat = asking(() => fs.tryStat(path, nofollow));
  const type = typeof stat === "number" ? stat : stat.mode & fs.S.IFMT;
  record(InputKind.type, nofollow ? 1 : 0, path, word(type));
  return type;
}

/** Whether a path exists (symbolic links followed). */
export function exists(path: string): boolean {
  return fileType(path) >= 0;
}

/** The bytes of a file. Throws a SysError. */
export function readFile(path: string): Uint8Array {
  try {
    const bytes = asking(() => readRegular(path));
    record(InputKind.file, 0, path, bytes);
    return bytes;
  } catch (error) {
    const errno = error instanceof SysError ? error.errno : 0;
    if (errno === E.ENOENT || errno === E.ENOTDIR) record(InputKind.type, 0, path, word(-errno));
    else uncacheable(`${path} cannot be read`);
    throw error;
  }
}

/** A special file such as a FIFO must not be read a second time. */
function readRegular(path: string): Uint8Array {
  const fd = fs.open(path, fs.O.RDONLY);
  try {
    const { mode, size } = fs.fstat(fd);
    if ((mode & fs.S.IFMT) !== fs.S.IFREG) uncacheable(`${path} is not a regular file`);
    return fs.readFd(fd, path, size);
  } finally {
    fs.close(fd);
  }
}

/** The text of a file (UTF-8). Throws a SysError. */
export function readText(path: string): string {
  return fromUtf8(readFile(path));
}

/** The text of a file (UTF-8), or null when it does not exist. Throws a SysError otherwise. */
export function readTextIfThere(path: string): string | null {
  try {
    return readText(path);
  } catch (error) {
    if (error instanceof SysError && (error.errno === E.ENOENT || error.errno === E.ENOTDIR)) return null;
    throw error;
  }
}

/** The target of a symbolic link, also of a namespace below /proc/self/ns. Throws a SysError. */
export function readlink(path: string): string {
  try {
    const target = asking(() => fs.readlink(path));
    record(InputKind.link, 0, path, target);
    return target;
  } catch (error) {
    uncacheable(`the link ${path} cannot be read`);
    throw error;
  }
}

/** The target of a symbolic link; null for any other file. */
export function readlinkIfThere(path: string): string | null {
  const target = asking(() => fs.tryReadlink(path));
  if (target !== null) record(InputKind.link, 0, path, target);
  // The path is no link. Its type is enough as an input: if it becomes a link, the type changes.
  else if (isRecording() && fileType(path, true) === fs.S.IFLNK)
    uncacheable(`the link ${path} cannot be read`);
  return target;
}

/**
 * The names in a directory. The input is the directory's stamp, since its times change with its entries. Throws a
 * SysError.
 */
export function readdir(path: string): string[] {
  tryStat(path);
  return asking(() => fs.readdir(path));
}

/** Whether this process has a right (`R_OK`, …) to a path with its effective ids: 0 or -errno. */
export function access(path: string, right: number): number {
  const result = asking(() => fs.access(path, right));
  record(InputKind.access, right, path, word(result));
  return result;
}

/** f_type and f_flags of the file system at a path, or null if the path does not exist. */
function statfs(path: string): readonly [type: number, flags: number] | null {
  const buffer = new Uint32Array(30);
  const result = asking(() => syscall(NR.statfs, cstr(path), buffer));
  // f_flags is the eleventh 64-bit word.
  const answer = result < 0 ? [0, 0] : [buffer[0]!, buffer[20]!];
  record(InputKind.fileSystem, 0, path, words(answer));
  return result < 0 ? null : [answer[0]!, answer[1]!];
}

/** f_type of the file system at a path, or 0 if the path does not exist. */
export function fileSystem(path: string): number {
  return statfs(path)?.[0] ?? 0;
}

const ST_NOSUID = 2;

/** Whether setuid bits have no effect on a file system. */
export function isNosuid(path: string): boolean {
  return ((statfs(path)?.[1] ?? 0) & ST_NOSUID) !== 0;
}

/** Whether a file has capabilities. Setting them changes the ctime in the file's stamp. */
export function hasFileCapabilities(path: string): boolean {
  tryStat(path);
  return asking(() => syscall(NR.getxattr, cstr(path), cstr("security.capability"), null, 0)) > 0;
}

/** An environment variable. */
export function variable(name: string): string | undefined {
  const value = given.variable(name);
  record(InputKind.variable, 0, name, value ?? null);
  return value;
}

/** The command line that starts brun: the path of its executable, and in a checkout that of the script. */
export function ownCommand(): readonly [string, ...string[]] {
  readlink("/proc/self/exe");
  return asking(given.ownCommand);
}

/** The current directory. Throws a SysError if it has no path. */
export function currentDirectory(): string {
  const path = asking(() => fs.absolute("."));
  record(InputKind.link, 0, "/proc/self/cwd", path);
  return path;
}

/** The result of a system call that takes numbers and changes nothing. */
export function call(name: SyscallName, a = 0, b = 0, c = 0, d = 0, e = 0): number {
  const result = asking(() => syscall(NR[name], a, b, c, d, e));
  if (isRecording()) {
    const asked = new BigInt64Array([
      BigInt(NR[name]),
      BigInt(a),
      BigInt(b),
      BigInt(c),
      BigInt(d),
      BigInt(e),
    ]);
    record(InputKind.call, 0, new Uint8Array(asked.buffer), word(result));
  }
  return result;
}

/** E.ENOSYS or E.EPERM if a system call cannot be used here. 0 if it can, or if it cannot be tried. */
export function refusalOf(name: SyscallName): number {
  const args = SENSELESS[name];
  if (args === undefined) return 0;
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = args;
  const result = call(name, a, b, c, d, e);
  return result === -E.ENOSYS || result === -E.EPERM ? -result : 0;
}

const LINUX_CAPABILITY_VERSION_3 = 0x20080522;

/** The effective capabilities as the lower and upper 32 bits. Throws a SysError. */
export function effectiveCapabilities(): readonly [low: number, high: number] {
  const header = new Uint32Array([LINUX_CAPABILITY_VERSION_3, 0]);
  const data = new Uint32Array(6); // {effective, permitted, inheritable} twice: low and high 32 bits
  check(
    asking(() => syscall(NR.capget, header, data)),
    "capget",
  );
  const answer = [data[0]!, data[3]!] as const;
  record(InputKind.capabilities, 0, "", words(answer));
  return answer;
}

/** The hard limit of a resource (RLIMIT_*); null if the kernel does not know it. */
export function hardLimit(resource: number): bigint | null {
  const limits = new BigUint64Array(2);
  if (asking(() => syscall(NR.prlimit64, 0, resource, 0, limits)) < 0) {
    uncacheable(`limit ${resource} cannot be asked for`);
    return null;
  }
  record(InputKind.limit, resource, "", new Uint8Array(limits.buffer.slice(8)));
  return limits[1]!;
}

/**
 * Whether stdin, stdout or stderr is a terminal. Its size is no input, since the supervisor passes it on at run
 * time.
 */
export function hasTerminal(): boolean {
  const size = new Uint16Array(4);
  const there = asking(() => any([0, 1, 2], (fd) => syscall(NR.ioctl, fd, IOCTL.TIOCGWINSZ, size) === 0));
  record(InputKind.terminal, 0, "", word(there ? 1 : 0));
  return there;
}
