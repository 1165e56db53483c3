/**
 * The lock of --upper. The result of two overlays that write to one directory at a time is undefined
 * (overlayfs.rst).
 */
import { statusOf } from "../container/state/status.ts";
import { isLocked, loadState } from "../container/state/store.ts";
import { BrunError } from "../errors.ts";
import { quoted } from "../printable.ts";
import { errnoText } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close, O, tryOpen, tryStat, writeFd } from "../sys/fs.ts";
import { lockWithin } from "../sys/lock.ts";
import { fromUtf8 } from "../sys/utf8.ts";
import { makeRealDirectory } from "./upper.ts";

/** The annotation for the directory of --upper. */
export const UPPER_ANNOTATION = "org.brun.upper";

/** The contents of the lock: the container that holds it. */
interface Holder {
  readonly root: string;
  readonly id: string;
}

/**
 * Makes the directory of --upper and takes it for one container. Throws a BrunError if another container has
 * it, or if that of --keep belongs to another user.
 * @param directory an absolute path
 * @param where the flag that names it
 * @returns a descriptor that keeps others out until the container has a state, which shows that it runs
 */
export function claimUpper(directory: string, holder: Holder, where: string): number {
  makeRealDirectory(directory, undefined, where);
  if (where === "--keep") checkOwner(directory, where);
  const fd = lockUpper(directory, where);
  syscall(NR.ftruncate, fd, 0);
  writeFd(fd, JSON.stringify(holder), `${directory}/lock`);
  return fd;
}

/** The other user could change there what `apply` copies. Throws a BrunError. */
function checkOwner(directory: string, where: string): void {
  const stat = tryStat(directory, true);
  if (typeof stat === "number" || stat.uid === syscall(NR.geteuid)) return;
  throw new BrunError(`${directory} belongs to another user (uid ${stat.uid})`, {
    where,
    hint: "XDG_DATA_HOME=DIR keeps changes elsewhere",
  });
}

/**
 * Keeps containers from a directory of --upper while the descriptor is open. Throws a BrunError if a
 * container has it.
 * @param where the flag or word for the error
 */
export function lockUpper(directory: string, where: string): number {
  const path = `${directory}/lock`;
  const fd = tryOpen(path, O.RDWR | O.CREAT | O.NOFOLLOW | O.NONBLOCK, 0o600);
  if (fd < 0) throw new BrunError(`open ${path}: ${errnoText(-fd)}`, { where });
  const locked = lockWithin(fd, PATIENCE_MS);
  const container = holderOf(fd);
  const isRunning = container !== null && holds(container, directory);
  if (locked && !isRunning) return fd;
  close(fd);
  const who = isRunning ? `container ${quoted(container.id)}` : "another command of brun";
  throw new BrunError(`${who} writes to ${directory}`, {
    code: "ERR_EXISTS",
    where,
    hint: "wait until it has ended, or name another directory",
  });
}

/** The lock is short, except while `brun apply` asks. A killed command releases it within milliseconds. */
const PATIENCE_MS = 1000;
const HOLDER_MAX = 8192;

function holderOf(fd: number): Holder | null {
  const buffer = new Uint8Array(HOLDER_MAX);
  const length = syscall(NR.pread64, fd, buffer, buffer.length, 0);
  try {
    const { root, id } = JSON.parse(fromUtf8(buffer.subarray(0, Math.max(length, 0)))) as Partial<Holder>;
    return typeof root === "string" && typeof id === "string" ? { root, id } : null;
  } catch {
    return null;
  }
}

/** Whether a container lives, and still has this directory. */
function holds({ root, id }: Holder, directory: string): boolean {
  try {
    const state = loadState(root, id);
    if (state === null) return isLocked(root, id);
    return state.annotations?.[UPPER_ANNOTATION] === directory && statusOf(root, state) !== "stopped";
  } catch (error) {
    if (error instanceof BrunError || error instanceof SysError) return false;
    throw error;
  }
}
