/** Gives memory back after booting, since a relay runs as long as its container and does little. */
import { NR, syscall } from "../sys/ffi.ts";
import { readText } from "../sys/fs.ts";

const MADV_DONTNEED = 4;

/**
 * Gives back the pages of code, some 20 MB that booting has needed. Nobody has written to them: what is called again
 * comes from the page cache.
 */
export function releaseCode(): void {
  for (const [, from = "", to = ""] of readText("/proc/self/maps").matchAll(CODE)) {
    const [start, end] = [Number.parseInt(from, 16), Number.parseInt(to, 16)];
    syscall(NR.madvise, start, end - start, MADV_DONTNEED);
  }
}

/** A mapping of a file that can be executed and not written (proc_pid_maps(5)). */
const CODE = /^([\da-f]+)-([\da-f]+) r-xp \S+ \S+ \S+ +\//gm;
