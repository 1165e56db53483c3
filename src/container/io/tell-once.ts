/** What is worth a line to a person the first time, and a nuisance each time: machines on which it is usual stay so. */
import { exists } from "../../host/ask.ts";
import { uncacheable } from "../../host/recorder.ts";
import { E } from "../../sys/errno.ts";
import { close, mkdir, O, tryOpen } from "../../sys/fs.ts";
import type { Runtime } from "../types.ts";

/** Has no place among containers: "@" is not for ids. */
const DIRECTORY = "@told";

/**
 * Warns, unless that has been done before with this state directory; then it is a debug line.
 * @param name of the matter, fit for a file's name
 */
export function tellOnce(rt: Runtime, name: string, text: string): void {
  const path = `${rt.root}/${DIRECTORY}/${name}`;
  if (exists(path)) {
    rt.debug?.(text);
    return;
  }
  uncacheable("what is told once had not been told");
  mkdir(`${rt.root}/${DIRECTORY}`, 0o700);
  const fd = tryOpen(path, O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW, 0o600);
  if (fd >= 0) close(fd);
  if (fd !== -E.EEXIST) rt.warn(text);
}
