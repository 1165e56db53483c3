/** The machine as input of a sandbox's config: the real one, or a test's fixture. */

import { type Caller, currentCaller } from "../../rootless/caller.ts";
import { rangesObstacle } from "../../rootless/default-ids.ts";
import { type MountPoint, mountPoints } from "../../rootless/host-view.ts";
import { loadSubids, type Subids } from "../../rootless/subid.ts";
import { readGiven } from "../given-file.ts";
import {
  currentDirectory,
  exists,
  ownCommand,
  readdir,
  readlinkIfThere,
  readTextIfThere,
  refusalOf,
} from "../host/ask.ts";
import { type Environment, environment, fileMask, type Here, here } from "../host/ask-caller.ts";
import {
  existsInRoot,
  hasSharedEntry,
  identity,
  isEmptyDirectory,
  namesIn,
  rights,
  sizeOf,
  status,
  textInRoot,
} from "../host/ask-files.ts";
import { findProgram } from "../host/find-program.ts";
import { S, W_OK } from "../sys/fs.ts";

/** An entry of a directory. Symbolic links are not followed. */
export interface Entry {
  readonly type: "dir" | "link" | "socket" | "fifo" | "device" | "file";
  readonly uid: number;
  readonly gid: number;
  /** Permission bits. */
  readonly mode: number;
  /** In bytes; only read if it is used. */
  readonly size: number;
  /** Only for devices: b is a block device, c a character device. */
  readonly device?: { readonly type: "b" | "c"; readonly major: number; readonly minor: number };
}

/** The machine as the caller sees it. */
export interface HostView {
  readonly caller: Caller;
  /** Whether the container gets a user namespace. */
  readonly rootless: boolean;
  /**
   * Whether the right to mount comes from a user namespace: the caller is not root, or root of a user
   * namespace.
   */
  readonly nested: boolean;
  readonly subids: () => Subids;
  /** The reason why subordinate ids cannot be mapped here, or null. */
  readonly rangesObstacle: (subids: Subids) => string | null;
  /** --root. */
  readonly stateDirectory: string;
  /** The command that starts brun: its path, and in a checkout also the script. */
  readonly self: readonly string[];
  readonly environment: Environment;
  /** The current directory. A plan that asks for its path is one of that directory alone. */
  readonly cwd: () => string;
  /** The current directory, without its path. */
  readonly here: Here;
  readonly hostname: string;
  readonly umask: number;
  readonly cgroup2: boolean;
  readonly mounts: readonly MountPoint[];
  readonly entry: (path: string) => Entry | null;
  /** The entry at the end of a path, with links followed; null if there is none. */
  readonly follow: (path: string) => Entry | null;
  /** Whether two paths lead to the same file. */
  readonly isSame: (path: string, other: string) => boolean;
  /** The target of a symbolic link; null for other entries. */
  readonly link: (path: string) => string | null;
  /** The names in a directory; null if the caller may not read it. */
  readonly list: (path: string) => readonly string[] | null;
  /** The names in a directory that match one of the patterns, in which a star stands for any characters. */
  readonly names: (path: string, patterns: readonly string[]) => readonly string[] | null;
  /** Whether some entries of a directory belong to others, and the caller could write to them. */
  readonly isShared: (path: string) => boolean;
  /** Whether a directory is empty; false if the caller may not read it. */
  readonly isEmpty: (path: string) => boolean;
  readonly text: (path: string) => string | null;
  /**
   * The text of a file in a root file system, whose links cannot lead out of it. Null unless it is a regular
   * file of at most some MB.
   */
  readonly textInRoot: (root: string, path: string) => string | null;
  readonly isInRoot: (root: string, path: string) => boolean;
  /** The text of a file in a flag. Throws a BrunError with the reason if it cannot be read. */
  readonly given: (where: string, path: string) => string;
  readonly mayWrite: (path: string) => boolean;
  /** The caller's rights to a file: 4 read, 2 write, 1 execute or search. */
  readonly rights: (path: string) => number;
  /** Whether the kernel lacks mount_setattr(2), which makes all mounts of a tree read-only. */
  readonly lacksSetattr: () => boolean;
  /** The path of a program, or null. */
  readonly program: (name: string) => string | null;
}

/**
 * Makes the view of the real machine.
 * @param rootless whether containers get a user namespace
 * @param nested whether the caller lacks rights over the host's first user namespace
 * @param stateDirectory --root
 */
export function hostView(rootless: boolean, nested: boolean, stateDirectory: string): HostView {
  const caller = currentCaller();
  return {
    caller,
    rootless,
    nested,
    subids: () => loadSubids(caller.uid, caller.userName),
    rangesObstacle: (subids) => rangesObstacle(caller, subids),
    stateDirectory,
    self: ownCommand(),
    environment: environment(),
    cwd: currentDirectory,
    here: here(),
    hostname: text("/proc/sys/kernel/hostname")?.trim() ?? "",
    umask: fileMask(),
    cgroup2: exists("/sys/fs/cgroup/cgroup.controllers"),
    mounts: mountPoints(text("/proc/self/mountinfo") ?? ""),
    entry: once((path) => look(path, true)),
    follow: (path) => look(path, false),
    isSame,
    link: once(readlinkIfThere),
    list,
    names: namesIn,
    isShared: (path) => hasSharedEntry(path, caller.uid, caller.gid),
    isEmpty: isEmptyDirectory,
    text,
    textInRoot,
    isInRoot: existsInRoot,
    given: readGiven,
    mayWrite: (path) => (rights(path) & W_OK) !== 0,
    rights,
    lacksSetattr: () => refusalOf("mount_setattr") !== 0,
    program: (name) => findProgram(name),
  };
}

/** Asks only once for each path: many decisions about a view are about the same places, and must not differ. */
function once<T>(ask: (path: string) => T): (path: string) => T {
  const known = new Map<string, T>();
  return (path) => {
    const found = known.get(path);
    if (found !== undefined || known.has(path)) return found as T;
    const answer = ask(path);
    known.set(path, answer);
    return answer;
  };
}

/** Whether an id of the host can exist in the container: the caller's, or a subordinate one. */
export function isIdInside({ caller, subids }: HostView, uid: number): boolean {
  return uid === caller.uid || subids().uid.some(({ start, size }) => uid >= start && uid < start + size);
}

const TYPES = new Map<number, Entry["type"]>([
  [S.IFDIR, "dir"],
  [S.IFLNK, "link"],
  [S.IFSOCK, "socket"],
  [S.IFIFO, "fifo"],
  [S.IFREG, "file"],
]);

function look(path: string, nofollow: boolean): Entry | null {
  const stat = status(path, nofollow);
  if (typeof stat === "number") return null;
  const kind = stat.mode & S.IFMT;
  const isDevice = kind === S.IFBLK || kind === S.IFCHR;
  return {
    type: TYPES.get(kind) ?? "device",
    uid: stat.uid,
    gid: stat.gid,
    mode: stat.mode & 0o7777,
    get size() {
      return sizeOf(path, nofollow);
    },
    ...(isDevice && {
      device: { type: kind === S.IFBLK ? "b" : "c", major: stat.rdevMajor, minor: stat.rdevMinor },
    }),
  };
}

function isSame(path: string, other: string): boolean {
  const which = identity(path);
  return which !== null && which === identity(other);
}

function list(path: string): readonly string[] | null {
  try {
    return readdir(path).sort();
  } catch {
    return null;
  }
}

function text(path: string): string | null {
  try {
    return readTextIfThere(path);
  } catch {
    return null;
  }
}
