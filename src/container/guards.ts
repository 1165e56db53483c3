/** Parts of programs that the front runs before it does a command by another: whether what that was made from is as it was. */
import type { Blob, Label, ProgramBuilder } from "../stage/program.ts";
import { E } from "../sys/errno.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { AT_FDCWD } from "../sys/fs.ts";
import { each } from "../sys/lists.ts";

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
