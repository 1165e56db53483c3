/** openat2(2), for untrusted paths. */
import { RESOLVE_TRIES } from "../plan/abi.ts";
import { E } from "./errno.ts";
import { cstr, NR, syscall } from "./ffi.ts";
import { O } from "./fs.ts";

const HOW_SIZE = 24;

/**
 * Opens a path by openat2(2). Returns the descriptor, close-on-exec, or -errno.
 * @param directory where a relative path begins; AT_FDCWD
 * @param flags of open(2)
 * @param resolve RESOLVE_*
 */
export function openat2(directory: number, path: string, flags: number, resolve: number): number {
  const how = new BigUint64Array([BigInt(flags | O.CLOEXEC), 0n, BigInt(resolve)]);
  let fd = -E.EAGAIN;
  for (let i = 0; i < RESOLVE_TRIES && fd === -E.EAGAIN; i++)
    fd = syscall(NR.openat2, directory, cstr(path), how, HOW_SIZE);
  return fd;
}
