/** Reads files of an untrusted root file system: its links must not lead outside, and its files may never end. */
import { ROOT_TEXT_MAX } from "../plan/file-abi.ts";
import { RESOLVE } from "./constants.ts";
import { SysError } from "./error.ts";
import { close, fstat, O, readFd, S, tryOpen } from "./fs.ts";
import { openat2 } from "./openat2.ts";
import { fromUtf8 } from "./utf8.ts";

/**
 * Opens a file below a root file system, and keeps symbolic links inside. Returns -errno on failure.
 * @param flags of open(2); by default the file is opened for reading
 */
function openInRoot(rootfs: string, path: string, flags = O.RDONLY | O.NONBLOCK): number {
  const root = tryOpen(rootfs, O.PATH | O.DIRECTORY);
  if (root < 0) return root;
  const fd = openat2(root, path, flags, RESOLVE.IN_ROOT);
  close(root);
  return fd;
}

/**
 * The text of a file below a root file system; null unless it is a regular file of at most
 * {@link ROOT_TEXT_MAX} bytes.
 */
export function textInRoot(rootfs: string, path: string): string | null {
  const fd = openInRoot(rootfs, path);
  if (fd < 0) return null;
  try {
    // Reading a pipe, a device or a file of terabytes would never end.
    const { mode, size } = fstat(fd);
    if ((mode & S.IFMT) !== S.IFREG || size > ROOT_TEXT_MAX) return null;
    return size === 0 ? "" : fromUtf8(readFd(fd, path, size));
  } catch (error) {
    if (error instanceof SysError) return null;
    throw error;
  } finally {
    close(fd);
  }
}

/** Whether a path exists below a root file system. */
export function existsInRoot(rootfs: string, path: string): boolean {
  const fd = openInRoot(rootfs, path, O.PATH);
  if (fd >= 0) close(fd);
  return fd >= 0;
}
