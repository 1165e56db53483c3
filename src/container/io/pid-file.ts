/** --pid-file, written so that a reader never sees half of it. */
import { absolute, replaceFile } from "../../sys/fs.ts";

/** Writes a pid without newline, as runc. Throws a SysError. */
export function writePidFile(path: string, pid: number): void {
  replaceFile(absolute(path), `${pid}`, 0o644);
}
