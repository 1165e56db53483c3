/** Files of the caller's own that may be missing: below a HOME that is somebody else's they are as good as missing. */
import { readTextIfThere } from "../../host/ask.ts";
import { E } from "../../sys/errno.ts";
import { SysError } from "../../sys/error.ts";

/** The text of a file; null when there is none, or none that the caller may read. Throws a SysError. */
export function ownText(path: string): string | null {
  try {
    return readTextIfThere(path);
  } catch (error) {
    if (error instanceof SysError && error.errno === E.EACCES) return null;
    throw error;
  }
}
