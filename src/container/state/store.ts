/**
 * The state directory: one directory a container, with state.json (what `state` and `list` need), exec.json
 * (what `exec` needs besides), exec.fifo while the container is created but not started, and perhaps plans
 * (local-plans.ts).
 */

import { BrunError } from "../../errors.ts";
import { DIRECTORY_MODE, EXEC_FILE, FIFO_FILE, FILTER_FILE, PLANS_FILE, STATE_FILE } from "../../plan/abi.ts";
import { quoted } from "../../printable.ts";
import { parseJson, toJson } from "../../spec/json.ts";
import { LOCK } from "../../sys/constants.ts";
import { E } from "../../sys/errno.ts";
import { SysError } from "../../sys/error.ts";
import { cstr, NR, syscall } from "../../sys/ffi.ts";
import {
  AT_FDCWD,
  close,
  fstat,
  mkdir,
  mkdirAll,
  O,
  readdir,
  readFd,
  readTextIfThere,
  replaceFile,
  rmdir,
  S,
  tryOpen,
  tryStat,
  unlink,
  writeFile,
} from "../../sys/fs.ts";
import { lockWithin, tryLock } from "../../sys/lock.ts";
import { fromUtf8 } from "../../sys/utf8.ts";
import { checkId, isId } from "../lifecycle/id.ts";
import type { ExecInfo } from "./exec-info.ts";
import type { StoredState } from "./stored-state.ts";

export type { StoredState } from "./stored-state.ts";

/** Files that brun puts into a container's directory, besides what a notification socket needs. */
export const FILES = [STATE_FILE, EXEC_FILE, FIFO_FILE, FILTER_FILE, PLANS_FILE] as const;

/** Paths of a container below the root. */
export function paths(root: string, id: string) {
  const directory = `${root}/${id}`;
  return {
    directory,
    state: `${directory}/${STATE_FILE}`,
    exec: `${directory}/${EXEC_FILE}`,
    fifo: `${directory}/${FIFO_FILE}`,
    notify: `${directory}/notify`,
    filter: `${directory}/${FILTER_FILE}`,
    plans: `${directory}/${PLANS_FILE}`,
    /** Files of a container whose output is kept: its exit code, and the socket for `attach`. */
    exit: `${directory}/exit`,
    attach: `${directory}/attach`,
  };
}

/** A container's directory, locked against other commands until {@link unlock}. */
export interface Locked {
  readonly id: string;
  readonly root: string;
  readonly fd: number;
}

/** Makes a container's directory and locks it. Throws a BrunError when the id is in use. */
export function claim(root: string, id: string): Locked {
  checkId(id);
  const { directory } = paths(root, id);
  let result = mkdir(directory, DIRECTORY_MODE);
  if (result === -E.ENOENT) {
    makeRoot(root);
    result = mkdir(directory, DIRECTORY_MODE);
  }
  if (result === -E.EEXIST) {
    throw new BrunError(`container with given ID already exists: ${id}`, {
      code: "ERR_EXISTS",
      hint: `\`brun delete --force ${id}\` removes it, running or not`,
    });
  }
  if (result < 0) throw new SysError(`make the state directory ${directory}`, -result);
  try {
    return lock(root, id);
  } catch (error) {
    rmdir(directory);
    throw error;
  }
}

function makeRoot(root: string): void {
  try {
    mkdirAll(root, DIRECTORY_MODE);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    throw new BrunError(`cannot keep state in ${root}: ${error.message}`, {
      code: error.code,
      hint: "--root names a directory that you may make, or that is there and yours",
      cause: error,
    });
  }
}

/** Opens a container's directory. Throws a BrunError when there is none. */
export function openDirectory(root: string, id: string): number {
  checkId(id);
  const { directory } = paths(root, id);
  const fd = tryOpen(directory, O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
  if (fd < 0) throw missing(id, -fd, directory);
  return fd;
}

/** Locks an existing container. Throws a BrunError when there is none. */
export function lock(root: string, id: string): Locked {
  const fd = openDirectory(root, id);
  const { directory } = paths(root, id);
  if (!lockWithin(fd, PATIENCE_MS)) throw busy(fd, id);
  // The previous holder of the lock may have removed the directory.
  const found = tryStat(directory, true);
  try {
    if (typeof found === "number") throw missing(id, -found, directory);
    checkOwner(directory, found.uid);
  } catch (error) {
    close(fd);
    throw error;
  }
  return { id, root, fd };
}

const PATIENCE_MS = 10_000;

/**
 * Somebody has been at work on a container for too long: a hook hangs, or the agent that is to take a descriptor does not.
 * Closes the lock.
 */
function busy(fd: number, id: string): BrunError {
  const inode = fstat(fd).ino;
  close(fd);
  const holder = new RegExp(`FLOCK .* (\\d+) \\w+:\\w+:${inode} `).exec(readTextIfThere("/proc/locks") ?? "");
  const who = holder === null ? "another command" : `another command, process ${holder[1]},`;
  return new BrunError(`container ${quoted(id)}: ${who} has been at work on it for ${PATIENCE_MS / 1000} s`, {
    hint: "a hook of the container may hang; end that process, then `brun delete --force ID` removes the container",
  });
}

/**
 * Commands do what a state says: kill processes, remove cgroups, enter namespaces. So nobody, not even root, acts on a state that
 * another user has written. Throws a BrunError.
 */
function checkOwner(directory: string, uid: number): void {
  if (uid === syscall(NR.geteuid)) return;
  throw new BrunError(`${directory} belongs to uid ${uid}, not to you`, {
    where: directory,
    hint: "run brun as that user, who could have written anything there",
  });
}

function missing(id: string, errno: number, directory: string): Error {
  if (errno === E.ENOENT || errno === E.ENOTDIR) return notFound(id);
  return new SysError(`open the state directory ${directory}`, errno);
}

/** The error for a container that does not exist. */
export function notFound(id: string): BrunError {
  return new BrunError(`container ${quoted(id)}: container does not exist`, { code: "ERR_NOT_FOUND" });
}

/** Releases the lock and closes the directory. */
export function unlock(locked: Locked): void {
  close(locked.fd);
}

/** Releases the lock; the directory stays open. */
export function release({ fd }: Locked): void {
  syscall(NR.flock, fd, LOCK.UN);
}

/** Whether a command holds the lock. A container without state is then being made. */
export function isLocked(root: string, id: string): boolean {
  const fd = tryOpen(paths(root, id).directory, O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
  if (fd < 0) return false;
  const isFree = tryLock(fd);
  close(fd);
  return !isFree;
}

/** Whether there is no such container any more. */
export function isGone(root: string, id: string): boolean {
  return typeof tryStat(paths(root, id).directory, true) === "number";
}

/** Writes state.json atomically. Throws a SysError. */
export function saveState(root: string, state: StoredState): void {
  replaceFile(paths(root, state.id).state, JSON.stringify(state), 0o600);
}

/** Keeps a filter for `exec`. Throws a SysError. */
export function saveFilter(root: string, id: string, bpf: Uint8Array): void {
  writeFile(paths(root, id).filter, bpf, 0o600);
}

/** Writes exec.json. Throws a SysError. */
export function saveExecInfo(root: string, id: string, info: ExecInfo): void {
  replaceFile(paths(root, id).exec, execInfoText(info), 0o600);
}

/**
 * The text of exec.json. It begins with a space if it has integers that only a bigint can hold, so that the parser need not look
 * for them otherwise.
 */
export function execInfoText(info: ExecInfo): string {
  try {
    return JSON.stringify(info);
  } catch {
    return ` ${toJson(info, "")}`;
  }
}

/** Reads exec.json. Throws a SysError. */
export function loadExecInfo(root: string, id: string): ExecInfo {
  const { exec } = paths(root, id);
  const text = readStateFile(exec);
  if (text === null) throw new SysError(`open ${exec}`, E.ENOENT);
  return parseJson(text, exec, text[0] === " ") as ExecInfo;
}

/** The stored state; null when the directory holds none. Throws a BrunError when there is no such container. */
export function loadState(root: string, id: string): StoredState | null {
  checkId(id);
  const { state, directory } = paths(root, id);
  const json = readStateFile(state);
  if (json === null) {
    const found = tryStat(directory, true);
    if (typeof found === "number") throw missing(id, -found, directory);
    return null;
  }
  return parseState(json, root, id);
}

/** Larger than any config.json that brun accepts. */
const STATE_MAX = 64 << 20;

/**
 * A file of a container's directory; null if it does not exist. Anything may be in its place, so a file that would block or never
 * end (a FIFO, a device) and a link are not read. Throws a BrunError or SysError.
 */
function readStateFile(path: string): string | null {
  const bytes = readStateBytes(path);
  return bytes === null ? null : fromUtf8(bytes);
}

/** {@link readStateFile} as bytes. */
export function readStateBytes(path: string): Uint8Array | null {
  const fd = tryOpen(path, O.RDONLY | O.NOFOLLOW | O.NONBLOCK | O.NOCTTY);
  if (fd === -E.ENOENT || fd === -E.ENOTDIR) return null;
  if (fd < 0 && fd !== -E.ELOOP && fd !== -E.ENXIO) throw new SysError(`open ${path}`, -fd);
  if (fd >= 0) {
    try {
      const { mode, size, uid } = fstat(fd);
      const owner = ownerOf(path.slice(0, path.lastIndexOf("/")));
      if (owner === null) return null;
      if ((mode & S.IFMT) === S.IFREG && uid === owner && size <= STATE_MAX) return readFd(fd, path, size);
    } finally {
      close(fd);
    }
  }
  throw new BrunError(`${path} is not a file that brun has written`, {
    where: path,
    hint: "look at who has put it there; `brun delete --force ID` removes the container",
  });
}

/** The owner of a container's directory; null if it does not exist. Throws a SysError if it cannot be looked at. */
function ownerOf(directory: string): number | null {
  const found = tryStat(directory, true);
  if (typeof found !== "number") return found.uid;
  if (found === -E.ENOENT || found === -E.ENOTDIR) return null;
  throw new SysError(`look at the state directory ${directory}`, -found);
}

/** Parses a text of state.json. Throws a BrunError if it is not the state of this container. */
export function parseState(json: string, root: string, id: string): StoredState {
  let state: Partial<StoredState>;
  try {
    state = JSON.parse(json);
  } catch {
    throw unlikeState("is damaged", root, id);
  }
  const valid =
    state?.version === 1 &&
    state.id === id &&
    Number.isSafeInteger(state.pid) &&
    state.pid! > 0 &&
    typeof state.startTime === "string" &&
    typeof state.bundle === "string";
  if (!valid) throw unlikeState("is not a state of this brun", root, id);
  return state as StoredState;
}

function unlikeState(what: string, root: string, id: string): BrunError {
  const file = paths(root, id).state;
  return new BrunError(`${file} ${what}`, {
    where: file,
    hint: `\`brun delete --force ${id}\` removes the container`,
  });
}

/**
 * The stored state, to act on it. Throws a BrunError also while the container is still being made, and when it is
 * somebody else's.
 */
export function requireState(root: string, id: string): StoredState {
  checkId(id);
  const { directory } = paths(root, id);
  const owner = ownerOf(directory);
  if (owner !== null) checkOwner(directory, owner);
  const state = loadState(root, id);
  if (state !== null) return state;
  throw new BrunError(`container ${quoted(id)} is not complete`, {
    code: "ERR_STATE",
    hint: `another command is making it, or was killed doing so; \`brun delete --force ${id}\` removes it`,
  });
}

/** Ids of all containers below the root, sorted. */
export function listIds(root: string): string[] {
  const stat = tryStat(root);
  if (typeof stat === "number" || (stat.mode & S.IFMT) !== S.IFDIR) return [];
  return readdir(root).filter(isId).sort();
}

/** Makes exec.fifo. Throws a SysError. */
export function makeFifo(root: string, id: string): string {
  const { fifo } = paths(root, id);
  const result = syscall(NR.mknodat, AT_FDCWD, cstr(fifo), S.IFIFO | 0o600, 0);
  if (result < 0) throw new SysError(`make ${fifo}`, -result);
  return fifo;
}

/** Removes a container's directory with everything that brun puts there. Its supervisor may do the same meanwhile. */
export function remove(root: string, id: string): void {
  const p = paths(root, id);
  for (const file of FILES) unlink(`${p.directory}/${file}`);
  const removed = rmdir(p.directory);
  if (removed === 0 || removed === -E.ENOENT) return;
  if (removed !== -E.ENOTEMPTY) throw new SysError(`remove ${p.directory}`, -removed);
  // There are more files with NOTIFY_SOCKET, with kept output, or if a brun was killed while it wrote a temporary file.
  unlink(`${p.notify}/notify.sock`);
  rmdir(p.notify);
  for (const name of namesIn(p.directory)) unlink(`${p.directory}/${name}`);
  const result = rmdir(p.directory);
  if (result < 0 && result !== -E.ENOENT) throw new SysError(`remove ${p.directory}`, -result);
}

/** Names in a directory; none when it has gone. Throws a SysError. */
function namesIn(directory: string): string[] {
  try {
    return readdir(directory);
  } catch (error) {
    if (error instanceof SysError && error.errno === E.ENOENT) return [];
    throw error;
  }
}
