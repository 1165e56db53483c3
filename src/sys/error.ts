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

/**
 * Whether an error says that a disk, or the caller's quota on it, is full. Streams and other processes have errors of
 * their own, with such a code.
 */
export function isFull(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === "ENOSPC" || code === "EDQUOT";
}

/** Passes a system call's result through; throws a {@link SysError} when it is -errno. */
export function check(result: number, doing: string): number {
  if (result < 0) throw new SysError(doing, -result);
  return result;
}
