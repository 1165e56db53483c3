/** Locks of the store: files that are there for as long as somebody has the lock. */
import { LOCK } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { check } from "../sys/error.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { AT_FDCWD, close, fstat, O, open, S, tryStat, unlink } from "../sys/fs.ts";

/** How often another process's lock is looked at, in milliseconds. */
const POLL = 50;

/** A lock that is held until it is released. */
export interface Lock {
  release(): void;
}

/**
 * Takes a lock, and waits for others that have it.
 * @param path of its file
 * @param waiting is called once when there is somebody to wait for
 * Throws a SysError.
 */
export async function takeLock(path: string, waiting: () => void): Promise<Lock> {
  for (let told = false; ; ) {
    const fd = open(path, O.RDWR | O.CREAT | O.NOFOLLOW, 0o600);
    const result = syscall(NR.flock, fd, LOCK.EX | LOCK.NB);
    // Whoever had it may have removed the file: then the lock is of nothing.
    if (result === 0 && isSame(fd, path)) {
      return {
        release: () => {
          unlink(path);
          close(fd);
        },
      };
    }
    close(fd);
    if (result !== 0 && result !== -E.EAGAIN && result !== -E.EINTR) check(result, `lock ${path}`);
    if (!told && result !== 0) waiting();
    told = true;
    await Bun.sleep(result === 0 ? 0 : POLL);
  }
}

function isSame(fd: number, path: string): boolean {
  const there = tryStat(path, true);
  if (typeof there === "number") return false;
  return fstat(fd).ino === there.ino && (there.mode & S.IFMT) === S.IFREG;
}

/** Whether somebody has the lock. */
export function isLocked(path: string): boolean {
  return whenFree(path, () => {}) === false;
}

/** Removes a lock's file, unless somebody has the lock. Whoever has opened it to take the lock sees that it is gone. */
export function removeLock(path: string): void {
  whenFree(path, () => unlink(path));
}

/** Does something while nobody else has the lock; returns false when somebody has it, and null when there is none. */
function whenFree(path: string, work: () => void): boolean | null {
  const fd = syscall(NR.openat, AT_FDCWD, cstr(path), O.RDONLY | O.CLOEXEC, 0);
  if (fd < 0) return null;
  const isFree = syscall(NR.flock, fd, LOCK.EX | LOCK.NB) === 0;
  // Of a file that is gone the name may be that of a new one.
  if (isFree && fstat(fd).nlink > 0) work();
  close(fd);
  return isFree;
}
