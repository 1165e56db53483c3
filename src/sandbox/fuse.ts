/**
 * fuse-overlayfs for a root over which the kernel makes no overlay, or not one that will do: it reads as the caller,
 * crosses mount points, and shows everything as the caller's own, so that all of it can be changed in the copy.
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

/** One mount of it. */
export interface FuseMount {
  /** Of the state directory. */
  readonly directory: string;
  /** Of the container. */
  readonly id: string;
}

/** Directory of the state directory for mounts by FUSE; no container can have that name. */
export function fuseDirectory(root: string): string {
  return `${root}/@overlay`;
}

/** Where the root of a container is mounted. */
export function fuseMountPoint({ directory, id }: FuseMount): string {
  return `${directory}/${id}/merged`;
}

/** The poststop hook that unmounts it. */
export function fuseHook({ directory, id }: FuseMount, view: HostView): Hook {
  return ownHook(view)(["unmount", "fuse-overlayfs", directory, id]);
}

const MTAB = "/etc/mtab";

/** Why it cannot be used, and what would change that; null when it can. */
export function fuseObstacle(view: HostView): { readonly why: string; readonly hint?: string } | null {
  if (!view.rootless) return { why: "root has the kernel's overlays" };
  // The root file system is mounted there, and the container's state, JSON, names it.
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
  // It looks there for what it unmounts. Systemd makes the link when a machine starts, and a container may have no systemd.
  if (view.follow(MTAB) === null) {
    return {
      why: `${MTAB} is not there, without which fusermount3 unmounts nothing`,
      hint: runAsRoot(`ln -s ../proc/self/mounts ${MTAB}`).hint,
    };
  }
  return view.mayWrite("/dev/fuse") ? null : { why: "/dev/fuse is not there, or not writable" };
}

/** Whether it lets in who is to run the program: see aloneMaps. */
export function fuseServes(options: SandboxOptions, view: HostView): boolean {
  const { uid = 0, gid = 0 } = sandboxUser(options, view).user;
  return uid === 0 || (uid === view.caller.uid && gid === view.caller.gid);
}

const PROGRAM = "fuse-overlayfs";
const TIMEOUT_MS = 20_000;

/**
 * Mounts it. It works in the background until {@link unmountFuse}.
 * @param lower the directory below
 * @param upper directory that keeps what is written; without it that is removed at the end
 * Throws a BrunError with what the program said.
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
  // What is kept, earlier runs have written to.
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

/** Its options are parted by commas, and lower directories by colons. */
function escaped(path: string): string {
  return path.replace(/[\\,:]/g, "\\$&");
}

/**
 * Unmounts it, ends the program, and removes what was written unless that is kept. Leaves everything when it cannot be
 * unmounted.
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
  // Still a mount point, it would be emptied by what follows: the host's own files.
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

/** Has the program write what the kernel keeps for it. */
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
 * Ends the program, and waits for it. When the last mount has gone it ends by itself, but each mount namespace that was made
 * meanwhile, by whomever, can have a copy of the mount.
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

/** Whether a process is the one that was started for this mount point, its last argument. */
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
