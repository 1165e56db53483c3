/**
 * Finds the processes of a container that has neither a pid namespace nor a cgroup. They may outlive the first process, and may
 * no longer be its descendants. But they cannot leave its user namespace. Without a user namespace, the mount namespace is used.
 */
import { IOCTL } from "../../sys/constants.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { close, fstat, O, readdir, readlink, readText, tryOpen } from "../../sys/fs.ts";
import { openProcess, type ProcessStat, processStat, signalProcess } from "./process.ts";
import type { StoredState } from "./store.ts";

/** The namespace that identifies a container's processes. */
export interface OwnNamespace {
  readonly type: "user" | "mnt";
  /** Inode of nsfs: the namespace's as long as there is a process in it, and another one's later. */
  readonly inode: number;
  /** With Linux 6.18 what no other namespace ever has (NS_GET_ID), and the boot that this is true of. */
  readonly unique?: string | undefined;
}

/** Identifies an open namespace. Throws a SysError. */
export function identify(type: OwnNamespace["type"], fd: number): OwnNamespace {
  const id = new BigUint64Array(1);
  const known = syscall(NR.ioctl, fd, IOCTL.NS_GET_ID, id) === 0;
  const unique = known ? `${readText("/proc/sys/kernel/random/boot_id").trim()} ${id[0]}` : undefined;
  return { type, inode: Number(fstat(fd).ino), unique };
}

/** A namespace that cannot be confused with a later one: it is held open, or has a unique id. */
export interface HeldNamespace {
  readonly own: OwnNamespace;
  /** To be closed; -1 where nothing has to be held. */
  readonly fd: number;
}

/**
 * The namespace of a container's processes, so that it is not taken for a later one with the same inode; null where that
 * cannot be said. The supervisor, which holds it open, gives it to its brun as stdin.
 * @param alive the container's first process is
 */
export function holdNamespace({ namespace: own, pid }: StoredState, alive: boolean): HeldNamespace | null {
  if (own === undefined) return null;
  if (own.unique !== undefined) return { own, fd: -1 };
  const name = `${own.type}:[${own.inode}]`;
  if (linkOf("/proc/self/fd/0") === name) return { own, fd: -1 };
  if (!alive) return null;
  // Before execve it may not be opened: then the first process holds it, which is killed last.
  const fd = tryOpen(`/proc/${pid}/ns/${own.type}`, O.RDONLY);
  if (fd < 0 || linkOf(`/proc/self/fd/${fd}`) === name) return { own, fd };
  close(fd);
  return null;
}

function linkOf(path: string): string | null {
  try {
    return readlink(path);
  } catch {
    return null;
  }
}

/** A process, as it was found. */
interface Found {
  readonly pid: number;
  readonly stat: ProcessStat;
}

/** The kernel's limit for the depth of user namespaces. */
const DEPTH_MAX = 34;

/** Whether a process is in the namespace or in one below it. False for a process that the caller may not look at. */
function isInside(own: OwnNamespace, pid: number): boolean {
  let fd = tryOpen(`/proc/${pid}/ns/${own.type}`, O.RDONLY);
  for (let depth = 0; fd >= 0 && depth < DEPTH_MAX; depth++) {
    const inode = Number(fstat(fd).ino);
    const inside =
      inode === own.inode && (own.unique === undefined || identify(own.type, fd).unique === own.unique);
    // Fails at the caller's own user namespace, and for mount namespaces, which have none above.
    const parent = inside ? -1 : syscall(NR.ioctl, fd, IOCTL.NS_GET_PARENT);
    close(fd);
    if (inside) return true;
    fd = parent;
  }
  if (fd >= 0) close(fd);
  return false;
}

/** The processes that live in the namespace, and what descends from them. Throws a SysError. */
function processesIn(own: OwnNamespace): Found[] {
  const inside = new Map<number, Found>();
  const others: Found[] = [];
  for (const name of readdir("/proc")) {
    const pid = Number(name);
    const stat = Number.isNaN(pid) ? null : processStat(pid);
    if (stat === null || stat.state === "Z" || stat.state === "X") continue;
    if (isInside(own, pid)) inside.set(pid, { pid, stat });
    else others.push({ pid, stat });
  }
  for (let before = -1; before !== inside.size; ) {
    before = inside.size;
    for (const found of others) if (inside.has(found.stat.parent)) inside.set(found.pid, found);
  }
  return [...inside.values()];
}

/** Their pids. Throws a SysError. */
export function pidsIn(own: OwnNamespace): number[] {
  return processesIn(own)
    .map(({ pid }) => pid)
    .sort((a, z) => a - z);
}

/** Sends a signal to each process of the namespace. Throws a SysError. */
export function signalAllIn(own: OwnNamespace, signal: number): void {
  signalEach(processesIn(own), signal);
}

function signalEach(found: readonly Found[], signal: number): void {
  for (const { pid, stat } of found) {
    const pidfd = openProcess(pid, stat.startTime);
    if (pidfd < 0) continue;
    signalProcess(pidfd, signal);
    close(pidfd);
  }
}

const SIGKILL = 9;
const SIGSTOP = 19;
/** How often to look for new processes, while the known ones are stopped and cannot fork. */
const ROUNDS = 100;
const PAUSE_MS = 1;

/**
 * Kills the processes of a namespace that the caller has identified. It stops them first, until no new process appears, so that
 * none can fork away. Returns whether all have ended in time. Throws a SysError.
 */
export function endAllIn(own: OwnNamespace, timeoutMs: number): boolean {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    for (let round = 0; round < ROUNDS && performance.now() < deadline; round++) {
      const go = processesIn(own).filter(({ stat }) => stat.state !== "T");
      if (go.length === 0) break;
      signalEach(go, SIGSTOP);
    }
    const found = processesIn(own);
    if (found.length === 0) return true;
    signalEach(found, SIGKILL);
    if (performance.now() > deadline) return false;
    Bun.sleepSync(PAUSE_MS);
  }
}
