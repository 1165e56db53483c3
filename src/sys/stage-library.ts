/**
 * The stage as a shared object, for a brun without a front. It is loaded from a sealed memfd, never from a path
 * that another user could write to.
 */
import { ptr } from "bun:ffi";
import { stageImage } from "../../nsenter/embed.ts" with { type: "macro" };
import { cstr } from "./c.ts";
import { libcSyscall, libraryError, librarySymbol, openLibrary } from "./libc.ts";
import { NR } from "./syscalls.ts";

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const MFD_EXEC = 0x10;
const F_ADD_SEALS = 1033;
const SEALS = 0x1 | 0x2 | 0x4 | 0x8; // SEAL, SHRINK, GROW, WRITE

let image: number | undefined;

/** As stageFd() of ffi.ts, but throws an Error. */
export function stageImageFd(): number {
  image ??= writeImage();
  return image;
}

function writeImage(): number {
  const bytes = Uint8Array.fromBase64(stageImage());
  const name = cstr("brun-nsenter");
  const create = (flags: number) => libcSyscall(NR.memfd_create, ptr(name), flags, 0);
  let fd = create(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  if (fd < 0) fd = create(MFD_CLOEXEC | MFD_ALLOW_SEALING); // before Linux 6.3
  if (fd < 0) throw new Error("cannot load the stage: memfd_create failed");
  if (libcSyscall(NR.write, fd, ptr(bytes), bytes.length) !== bytes.length)
    throw new Error("cannot load the stage: cannot write it to its memfd: no memory");
  libcSyscall(NR.fcntl, fd, F_ADD_SEALS, SEALS);
  return fd;
}

/** The addresses of its functions. Throws an Error. */
export function stageFunctions(): { syscall: number; spawn: number; catchSignals: number; run: number } {
  const library = openLibrary(`/proc/self/fd/${stageImageFd()}`);
  if (library === null) throw new Error(`cannot load the stage: ${libraryError()}`);
  const symbol = (name: string) => Number(librarySymbol(library, name));
  return {
    syscall: symbol("brun_syscall"),
    spawn: symbol("brun_spawn"),
    catchSignals: symbol("brun_catch_signals"),
    run: symbol("brun_run"),
  };
}
