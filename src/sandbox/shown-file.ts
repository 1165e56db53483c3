/** Files that brun makes for containers. */
import { readTextIfThere } from "../host/ask.ts";
import { check } from "../sys/error.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { AT_FDCWD, mkdirAll, replaceFile } from "../sys/fs.ts";

/** Makes a file that each user of a container may read. Throws a SysError. */
export function makeShownFile(directory: string, name: string, text: string): void {
  const path = `${directory}/${name}`;
  if (readTextIfThere(path) === text) return;
  mkdirAll(directory);
  replaceFile(path, text, 0o644);
  // The caller's umask must not matter.
  check(syscall(NR.fchmodat, AT_FDCWD, cstr(path), 0o644), `change the mode of ${path}`);
}
