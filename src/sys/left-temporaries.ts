/** Temporary files of {@link replaceFile} that killed processes have left. */
import { E } from "./errno.ts";
import { NR, syscall } from "./ffi.ts";
import { readdir, unlink } from "./fs.ts";

const TEMPORARY = /\.(\d+)\.tmp$/;

/**
 * Removes those whose process is gone from a directory. A process of another pid namespace may lose one that it is
 * writing, so this is only for files that may be missing. Throws a SysError if the directory cannot be read.
 */
export function removeLeftTemporaries(directory: string): void {
  for (const name of readdir(directory)) {
    const pid = Number(TEMPORARY.exec(name)?.[1] ?? 0);
    if (pid > 0 && syscall(NR.kill, pid, 0) === -E.ESRCH) unlink(`${directory}/${name}`);
  }
}
