/** Locks in the store. The file of a lock exists while the lock is held. */
import { LOCK } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { check } from "../sys/error.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { AT_FDCWD, close, fstat, O, open, S, tryStat, unlink } from "../sys/fs.ts";

/** The interval at which a lock of another process is tried, in milliseconds. */
const POLL = 50;

/** A lock that is held until it is released. */
export interface Lock {
  release(): void;
}

/**
 * Takes a lock. Waits while another process holds it.
 * @param path of its file
 * @param waiting is called once if the lock is held
 * Throws a SysError.
 */
export async function takeLock(path: string, waiting: () => void): Promise<Lock> {
  for (let told = false; ; ) {
    const fd = open(path, O.RDWR | O.CREAT | O.NOFOLLOW, 0o600);
    const result = syscall(NR.flock, fd, LOCK.EX | LOCK.NB);
    // The previous holder may have removed the file. Then this descriptor's lock protects nothing.
    if (result === 0 && isSame(fd, path)) {
      return {
        release: () => {
          unlink(path);
          close(fd);
        },
      };
    }
    close(fd);
    if (result === 0) continue;
    if (result !== -E.EAGAIN && result !== -E.EINTR) check(result, `lock ${path}`);
    if (!told) waiting();
    told = true;
    await Bun.sleep(POLL);
  }
}

function isSame(fd: number, path: string): boolean {
  const there = tryStat(path, true);
  if (typeof there === "number") return false;
  return fstat(fd).ino === there.ino && (there.mode & S.IFMT) === S.IFREG;
}

/** Whether a process holds the lock. */
export function isLocked(path: string): boolean {
  return whenFree(path, () => {}) === false;
}

/**
 * Removes a lock's file unless a process holds the lock. A process that has opened the file for locking sees
 * that the file is gone.
 */
export function removeLock(path: string): void {
  whenFree(path, () => unlink(path));
}

/** Calls `work` if no other process holds the lock. Returns false if one holds it, and null if there is no file. */
function whenFree(path: string, work: () => void): boolean | null {
  const fd = syscall(NR.openat, AT_FDCWD, cstr(path), O.RDONLY | O.CLOEXEC, 0);
  if (fd < 0) return null;
  const isFree = syscall(NR.flock, fd, LOCK.EX | LOCK.NB) === 0;
  // If this file has been removed, the name may belong to a new file.
  if (isFree && fstat(fd).nlink > 0) work();
  close(fd);
  return isFree;
}
