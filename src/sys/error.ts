/** Errors of the system layer. */
import { type ErrnoName, errnoName, errnoText } from "./errno.ts";

/** A failed system call: a description of the action, errno (positive) and its name. */
export class SysError extends Error {
  override readonly name = "SysError";

  /**
   * @param doing the action with its object: "open /etc/subuid"
   * @param errno positive error number
   */
  constructor(
    readonly doing: string,
    readonly errno: number,
  ) {
    super(`${doing}: ${errnoText(errno)} (${errnoName(errno)})`);
  }

  /** The name of errno, such as "ENOENT". */
  get code(): ErrnoName {
    return errnoName(this.errno);
  }
}

/** Passes a system call's result through; throws a {@link SysError} when it is -errno. */
export function check(result: number, doing: string): number {
  if (result < 0) throw new SysError(doing, -result);
  return result;
}
