/** Warnings that are printed only once for a state directory, because they concern the machine and would be repeated by each run. */
import { exists } from "../../host/ask.ts";
import { uncacheable } from "../../host/recorder.ts";
import { E } from "../../sys/errno.ts";
import { close, mkdir, O, tryOpen } from "../../sys/fs.ts";
import type { Runtime } from "../types.ts";

/** No container has such a name: ids contain no "@". */
const DIRECTORY = "@told";

/**
 * Prints a warning, or a debug line if the warning was printed before with this state directory.
 * @param name the name of the warning, valid as a file name
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
