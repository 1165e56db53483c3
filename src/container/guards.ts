/** Parts of programs that the front runs before it does a command by another: whether what that was made from is as it was. */
import type { Blob, Label, ProgramBuilder } from "../stage/program.ts";
import { RESOLVE } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { AT_EMPTY_PATH, AT_FDCWD, close, O } from "../sys/fs.ts";
import { each } from "../sys/lists.ts";
import { namesHome, openInRoot } from "./facts.ts";

const PASSWD = "etc/passwd";
const STATX_BASIC_STATS = 0x7ff;
/** Of struct statx: 32-bit words of inode, size, and seconds and nanoseconds of ctime, which nobody can set. */
const TELLTALE = [0x20, 0x24, 0x28, 0x60, 0x68] as const;

/** struct statx of what is asked for, or an errno. */
function statx(fd: number, path: string, flags: number): Uint32Array | number {
  const status = new Uint32Array(64);
  const result = syscall(NR.statx, fd, cstr(path), flags, STATX_BASIC_STATS, status);
  return result < 0 ? -result : status;
}

/** The end of a guard: fails where the program has come to `otherwise`. */
export function failAt(b: ProgramBuilder, otherwise: Label): void {
  const fine = b.label();
  b.sys("getpid", [], { andThen: fine });
  b.mark(otherwise);
  b.check(b.reserve(8, "zero"), 1, 0xff, 1, E.EAGAIN);
  b.mark(fine);
}

/** Goes to `otherwise` unless a file is the same and has not been written to; false when there is none now. */
export function unlessFileChanged(b: ProgramBuilder, path: string, otherwise: Label): boolean {
  const before = statx(AT_FDCWD, path, 0);
  if (typeof before === "number") return false;
  const now = b.reserve(256, "statx");
  const how = { handle: [E.ENOENT, E.EACCES], orElse: otherwise };
  b.sys("statx", [AT_FDCWD, b.str(path), 0, STATX_BASIC_STATS, now], how);
  compare(b, now, before, otherwise);
  return true;
}

/** Goes to `otherwise` unless the file system at a path is of this type (f_type of statfs(2)). */
export function unlessFileSystem(b: ProgramBuilder, path: string, type: number, otherwise: Label): void {
  const now = b.reserve(120, "statfs");
  b.sys("statfs", [b.str(path), now], { handle: [E.ENOENT, E.EACCES], orElse: otherwise });
  b.check(now, 4, 0xffffffff, type, E.EAGAIN, { handle: [E.EAGAIN], orElse: otherwise });
}

function compare(b: ProgramBuilder, now: Blob, before: Uint32Array, otherwise: Label): void {
  each(TELLTALE, (at) => {
    const differs = { handle: [E.EAGAIN], orElse: otherwise };
    b.check(b.inside(now, at), 4, 0xffffffff, before[at / 4]!, E.EAGAIN, differs);
  });
}

/** What tells one state of an image's passwd(5) from another, or the errno of looking. */
export type PasswdState = Uint32Array | number;

/** The state of the image's passwd(5), where HOME comes from unless `env` says it: null then. */
export function passwdState(rootfs: string, env: readonly string[]): PasswdState | null {
  if (namesHome(env)) return null;
  const fd = openInRoot(rootfs, PASSWD);
  if (fd < 0) return -fd;
  const state = statx(fd, "", AT_EMPTY_PATH);
  close(fd);
  return state;
}

/** Goes to `otherwise` unless passwd(5) is as it was. */
export function unlessPasswdChanged(
  b: ProgramBuilder,
  rootfs: string,
  before: PasswdState,
  otherwise: Label,
): void {
  const absent = b.label();
  const how = new Uint32Array([O.RDONLY | O.NONBLOCK | O.CLOEXEC, 0, 0, 0, RESOLVE.IN_ROOT, 0]);
  const root = b.get("openat", [AT_FDCWD, b.str(rootfs), O.PATH | O.DIRECTORY | O.CLOEXEC, 0]);
  const open = [root, b.str(PASSWD), b.bytes(new Uint8Array(how.buffer), "how"), how.byteLength] as const;
  if (typeof before === "number") {
    const there = b.get("openat2", open, { handle: [before], orElse: absent });
    b.close(there);
    b.sys("close", [root], { andThen: otherwise });
    b.mark(absent);
    b.close(root);
    return;
  }
  const fd = b.get("openat2", open);
  const now = b.reserve(256, "statx");
  b.sys("statx", [fd, b.str(""), AT_EMPTY_PATH, STATX_BASIC_STATS, now]);
  b.close(fd);
  b.close(root);
  compare(b, now, before, otherwise);
}
