/**
 * fuse-overlayfs, for a root over which the kernel refuses an overlay, or makes an insufficient one. It reads
 * as the caller, crosses mount points, and shows all files as the caller's, so that all of them can be
 * changed in the copy.
 */

import { openProcess, processStat, signalProcess, waitForEnd } from "../container/state/process.ts";
import { BrunError } from "../errors.ts";
import { runAsRoot } from "../fix.ts";
import { findProgram } from "../host/find-program.ts";
import { installHint, PACKAGES } from "../package-names.ts";
import type { Hook } from "../spec/index.ts";
import { E, errnoName, errnoText } from "../sys/errno.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close, exists, mkdirAll, O, readdir, readFile, rmdir, tryOpen } from "../sys/fs.ts";
import { lazy } from "../sys/lazy.ts";
import { run } from "../sys/spawn.ts";
import { utf8 } from "../sys/utf8.ts";
import type { SandboxOptions } from "./options.ts";
import { ownHook } from "./own-hook.ts";
import { makeRealDirectory } from "./upper.ts";
import { sandboxUser } from "./user.ts";
import type { HostView } from "./view.ts";

const fsModule = lazy<typeof import("node:fs")>(() => require("node:fs"));

/** A mount of fuse-overlayfs. */
export interface FuseMount {
  /** The directory of such mounts in the state directory. */
  readonly directory: string;
  /** The id of the container. */
  readonly id: string;
}

/** The directory of FUSE mounts in the state directory. No container can have this name. */
export function fuseDirectory(root: string): string {
  return `${root}/@overlay`;
}

/** The mount point for a container's root. */
export function fuseMountPoint({ directory, id }: FuseMount): string {
  return `${directory}/${id}/merged`;
}

/** The poststop hook that unmounts the root. */
export function fuseHook({ directory, id }: FuseMount, view: HostView): Hook {
  return ownHook(view)(["unmount", "fuse-overlayfs", directory, id]);
}

const MTAB = "/etc/mtab";

/** The reason why fuse-overlayfs cannot be used, and a remedy. Null if it can. */
export function fuseObstacle(view: HostView): { readonly why: string; readonly hint?: string } | null {
  if (!view.rootless) return { why: "root has the kernel's overlays" };
  // The state directory has the mount point of the root, and the container's state names it in JSON.
  if (!view.stateDirectory.isWellFormed()) {
    return {
      why: `the state directory ${view.stateDirectory} has bytes that are not UTF-8`,
      hint: "--root names another",
    };
  }
  for (const name of ["fuse-overlayfs", "fusermount3"] as const) {
    if (view.program(name) === null) {
      return { why: `${name} is not installed`, hint: installHint(PACKAGES[name]) };
    }
  }
  // fusermount3 reads this file to find the mount. Systemd makes the link when a machine starts, but a
  // container may have no systemd.
  if (view.follow(MTAB) === null) {
    return {
      why: `${MTAB} is not there, without which fusermount3 unmounts nothing`,
      hint: runAsRoot(`ln -s ../proc/self/mounts ${MTAB}`).hint,
    };
  }
  return view.mayWrite("/dev/fuse") ? null : { why: "/dev/fuse is not there, or not writable" };
}

/** Whether fuse-overlayfs lets the program's user in: see aloneMaps. */
export function fuseServes(options: SandboxOptions, view: HostView): boolean {
  const { uid = 0, gid = 0 } = sandboxUser(options, view).user;
  return uid === 0 || (uid === view.caller.uid && gid === view.caller.gid);
}

const PROGRAM = "fuse-overlayfs";
const TIMEOUT_MS = 20_000;

/**
 * Mounts a root. fuse-overlayfs works in the background until {@link unmountFuse}. Throws a BrunError with
 * its message.
 * @param lower the directory below
 * @param upper the directory that keeps written files; without it they are removed at the end
 */
export function mountFuse(mount: FuseMount, lower: string, upper: string | undefined, view: HostView): void {
  const merged = fuseMountPoint(mount);
  if (exists(`${mount.directory}/${mount.id}`)) {
    throw new BrunError(`container with id ${mount.id} exists already`, {
      code: "ERR_EXISTS",
      hint: `\`brun delete --force ${mount.id}\` removes it, running or not`,
    });
  }
  const above = upper ?? `${mount.directory}/${mount.id}`;
  mkdirAll(merged);
  // Earlier runs have written to a kept directory.
  for (const path of [`${above}/upper`, `${above}/work`])
    (upper === undefined ? mkdirAll : makeRealDirectory)(path);
  const { uid, gid } = view.caller;
  const places = [`lowerdir=${escaped(lower)}`, `upperdir=${escaped(`${above}/upper`)}`];
  const options = [
    ...places,
    `workdir=${escaped(`${above}/work`)}`,
    `squash_to_uid=${uid}`,
    `squash_to_gid=${gid}`,
  ];
  const path = view.program(PROGRAM) ?? "";
  const argv = [PROGRAM, "-o", options.join(","), merged];
  const env = [`PATH=${view.environment.PATH ?? ""}`];
  const { code, signal, output } = run({ path, argv, env, processGroup: true }, null, TIMEOUT_MS);
  if (code === 0 && signal === 0) return;
  unmountFuse(mount);
  throw new BrunError(
    `fuse-overlayfs cannot mount: ${output.trim().split("\n").at(-1) || "it said nothing"}`,
    {
      where: "--overlay fuse",
      hint: "`brun doctor` looks for what it needs",
    },
  );
}

/** Escapes a path for fuse-overlayfs. Commas separate its options, and colons separate lower directories. */
function escaped(path: string): string {
  return path.replace(/[\\,:]/g, "\\$&");
}

/**
 * Unmounts the root, ends fuse-overlayfs, and removes written files unless they are kept. If the root cannot
 * be unmounted, nothing is removed.
 */
export function unmountFuse(mount: FuseMount): void {
  const path = findProgram("fusermount3");
  const merged = fuseMountPoint(mount);
  let said = "";
  if (path !== null && exists(merged)) {
    sync(merged);
    const argv = ["fusermount3", "-u", "-z", merged];
    said = run({ path, argv, env: [], processGroup: true }, null, TIMEOUT_MS).output.trim();
  }
  // If this is still a mount point, the following steps would delete the host's own files.
  const result = rmdir(merged);
  if (result < 0 && result !== -E.ENOENT) {
    const why = said.split("\n").at(-1) || errnoText(-result);
    throw new BrunError(`cannot unmount ${merged}: ${why}`, {
      code: errnoName(-result),
      hint: `root can: umount -l ${merged}`,
    });
  }
  const { rmSync } = fsModule();
  endDaemon(merged);
  rmSync(Buffer.from(utf8(`${mount.directory}/${mount.id}`)), { recursive: true, force: true });
}

/** Makes the kernel pass all cached writes on to fuse-overlayfs. */
function sync(merged: string): void {
  const fd = tryOpen(merged, O.RDONLY | O.DIRECTORY);
  if (fd < 0) return;
  syscall(NR.syncfs, fd);
  close(fd);
}

const SIGTERM = 15;
const SIGKILL = 9;
const PATIENCE_MS = 5000;

/**
 * Ends fuse-overlayfs, and waits for that. It ends by itself with the last mount. But every mount namespace
 * that any process has made meanwhile can have a copy of the mount.
 */
function endDaemon(merged: string): void {
  const asked = utf8(`\0${merged}\0`);
  for (const name of readdir("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || !isDaemon(pid, asked)) continue;
    const stat = processStat(pid);
    const pidfd = stat === null ? -1 : openProcess(pid, stat.startTime);
    if (stat === null || pidfd < 0) continue;
    for (const signal of [SIGTERM, SIGKILL]) {
      signalProcess(pidfd, signal);
      if (waitForEnd(pidfd, pid, stat.startTime, PATIENCE_MS)) break;
    }
    close(pidfd);
  }
}

/** Whether a process is the fuse-overlayfs of this mount point, which is its last argument. */
function isDaemon(pid: number, lastArgument: Uint8Array): boolean {
  let cmdline: Uint8Array;
  try {
    cmdline = readFile(`/proc/${pid}/cmdline`);
  } catch {
    return false;
  }
  const bytes = Buffer.from(cmdline);
  return bytes.indexOf(`${PROGRAM}\0`) === 0 && bytes.subarray(-lastArgument.length).equals(lastArgument);
}
