/** Optional files of the caller. If HOME belongs to another user, they count as missing. */
import { readTextIfThere } from "../../host/ask.ts";
import { E } from "../../sys/errno.ts";
import { SysError } from "../../sys/error.ts";

/** The text of a file; null if it is missing or the caller may not read it. Throws a SysError. */
export function ownText(path: string): string | null {
  try {
    return readTextIfThere(path);
  } catch (error) {
    if (error instanceof SysError && error.errno === E.EACCES) return null;
    throw error;
  }
}
