/** Files of a root file system that nobody vouches for: its links lead nowhere outside, its files may never end. */
import { RESOLVE } from "./constants.ts";
import { E } from "./errno.ts";
import { SysError } from "./error.ts";
import { cstr, NR, syscall } from "./ffi.ts";
import { close, fstat, O, readFd, S, tryOpen } from "./fs.ts";
import { fromUtf8 } from "./utf8.ts";

const RESOLVE_TRIES = 128;
const OPEN_HOW_SIZE = 24;

/** The most that is read of such a file, in bytes. */
const TEXT_MAX = 16 << 20;

/**
 * Opens a file below a root file system so that no symbolic link leads out of it; -errno when it fails.
 * @param flags of open(2); without them it is opened for reading
 */
function openInRoot(rootfs: string, path: string, flags = O.RDONLY | O.NONBLOCK): number {
  const root = tryOpen(rootfs, O.PATH | O.DIRECTORY);
  if (root < 0) return root;
  const how = new BigUint64Array([BigInt(flags | O.CLOEXEC), 0n, BigInt(RESOLVE.IN_ROOT)]);
  let fd = -E.EAGAIN;
  // Something was renamed or mounted, anywhere, while a ".." was followed: sys_again() of nsenter/sys.h.
  for (let i = 0; i < RESOLVE_TRIES && fd === -E.EAGAIN; i++)
    fd = syscall(NR.openat2, root, cstr(path), how, OPEN_HOW_SIZE);
  close(root);
  return fd;
}

/** The text of a file below a root file system; null unless it is a regular one of at most {@link TEXT_MAX} bytes. */
export function textInRoot(rootfs: string, path: string): string | null {
  const fd = openInRoot(rootfs, path);
  if (fd < 0) return null;
  try {
    // A pipe, a device or a file of terabytes would never come to its end.
    const { mode, size } = fstat(fd);
    if ((mode & S.IFMT) !== S.IFREG || size > TEXT_MAX) return null;
    return size === 0 ? "" : fromUtf8(readFd(fd, path, size));
  } catch (error) {
    if (error instanceof SysError) return null;
    throw error;
  } finally {
    close(fd);
  }
}

/** Whether there is something at a path below a root file system. */
export function existsInRoot(rootfs: string, path: string): boolean {
  const fd = openInRoot(rootfs, path, O.PATH);
  if (fd >= 0) close(fd);
  return fd >= 0;
}
