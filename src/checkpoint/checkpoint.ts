/** `brun checkpoint`: writes a container's processes to files, from which `restore` can continue them. */

import { deleteContainer } from "../container/lifecycle/delete.ts";
import { cgroups } from "../container/resources/cgroup.ts";
import { callerIdentity, isRootless } from "../container/state/root.ts";
import { statusOf } from "../container/state/status.ts";
import { lock, requireState, type StoredState, unlock } from "../container/state/store.ts";
import type { Runtime } from "../container/types.ts";
import { BrunError } from "../errors.ts";
import { loadSpec } from "../spec/index.ts";
import { errnoText } from "../sys/errno.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close, O, S, tryStat, writeFile } from "../sys/fs.ts";
import { Criu, F_SETFD, FD_CLOEXEC } from "./criu.ts";
import { dumpMounts, MOUNTS_FILE } from "./external.ts";
import { withLog } from "./failure.ts";
import { externalNamespaces } from "./namespaces.ts";
import {
  type CheckpointOptions,
  checkFlags,
  closeDirectories,
  commonOptions,
  type Directories,
  logDirectory,
  openDirectories,
} from "./options.ts";
import { type CriuOptions, Request } from "./rpc.ts";
import { DESCRIPTORS_FILE, standardStreams } from "./streams.ts";

const LOG = "dump.log";

/**
 * Writes a container to images. The container ends, unless `leaveRunning` or `preDump` is set. Throws a BrunError
 * or SysError, and the container goes on then.
 */
export function checkpoint(rt: Runtime, options: CheckpointOptions): void {
  checkFlags(options);
  const locked = lock(rt.root, options.id);
  try {
    const stored = requireState(rt.root, options.id);
    const status = statusOf(rt.root, stored, locked.fd);
    if (status !== "running" && status !== "paused") {
      throw new BrunError(`container cannot be checkpointed in ${status} state`, { code: "ERR_STATE" });
    }
    const criu = new Criu(!isRootless(callerIdentity()));
    if (options.preDump) criu.require("memTrack", "--pre-dump");
    if (options.lazyPages) criu.require("lazyPages", "--lazy-pages");
    const directories = openDirectories(options, true);
    try {
      withLog(logDirectory(options), LOG, () => dump(criu, options, stored, directories));
    } finally {
      closeDirectories(directories);
    }
  } finally {
    unlock(locked);
  }
  if (!options.leaveRunning && !options.preDump) deleteContainer(rt, options.id, true);
}

function dump(criu: Criu, options: CheckpointOptions, stored: StoredState, directories: Directories): void {
  checkStatusFd(options);
  const { pid } = stored;
  const opts: CriuOptions = {
    ...commonOptions(options, directories, stored.annotations),
    logFile: LOG,
    root: stored.rootfs,
    pid,
    leaveRunning: options.leaveRunning,
    tcpSkipInFlight: options.tcpSkipInFlight,
    linkRemap: options.linkRemap,
    unprivileged: criu.unprivileged || undefined,
    freezeCgroup: freezer(stored),
    ps: pageServer(options.pageServer),
    external: externalNamespaces(loadSpec(`${stored.bundle}/config.json`).spec, pid),
    ...parent(options, directories),
  };
  // A dump of memory alone contains no mounts and files.
  if (options.preDump) {
    criu.ask({ type: Request.PRE_DUMP, opts });
    return;
  }
  const extMnt = dumpMounts(pid);
  const streams = standardStreams(pid);
  const files = streams.filter((name) => name.startsWith("file["));
  writeFile(`${directories.imagePath}/${MOUNTS_FILE}`, JSON.stringify(extMnt.map(({ val }) => val)));
  writeFile(`${directories.imagePath}/${DESCRIPTORS_FILE}`, JSON.stringify(streams));
  const external = [...(opts.external ?? []), ...files];
  criu.ask({ type: Request.DUMP, opts: { ...opts, extMnt, external } }, (script) => {
    if (script === "status-ready" && options.statusFd >= 0) tellReady(options.statusFd);
  });
}

/** The cgroup with which CRIU freezes the processes; without one it uses ptrace. */
function freezer({ cgroup }: StoredState): string | undefined {
  return cgroup === undefined ? undefined : cgroups().directoryOf(cgroup, "freezer");
}

/** The images that this dump builds on, as a path relative to the new ones. Throws a BrunError. */
function parent(
  { parentPath }: CheckpointOptions,
  { imagePath }: Directories,
): Pick<CriuOptions, "parentImg" | "trackMem"> {
  if (parentPath === "") return {};
  const where = "--parent-path";
  if (parentPath.startsWith("/")) throw new BrunError(`${where} must be relative to --image-path`, { where });
  const found = tryStat(`${imagePath}/${parentPath}`);
  if (typeof found === "number") {
    throw new BrunError(`there is no ${imagePath}/${parentPath}: ${errnoText(-found)}`, { where });
  }
  if ((found.mode & S.IFMT) !== S.IFDIR) throw new BrunError(`${parentPath} is no directory`, { where });
  return { parentImg: parentPath, trackMem: true };
}

/** Parses ADDRESS:PORT, with brackets around an IPv6 address. Throws a BrunError. */
export function pageServer(text: string): CriuOptions["ps"] {
  if (text === "") return undefined;
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text);
  const port = Number(match?.[3]);
  if (match !== null && port > 0 && port < 65536) return { address: match[1] ?? match[2]!, port };
  throw new BrunError(`${text} is no address and port`, { where: "--page-server", hint: "ADDRESS:PORT" });
}

const ACCMODE = 3;
const F_GETFL = 3;

/** Checks the descriptor. Also hides it from CRIU, which would hold it open for as long as it serves pages. */
function checkStatusFd({ lazyPages, statusFd }: CheckpointOptions): void {
  if (!lazyPages || statusFd < 0) return;
  const flags = syscall(NR.fcntl, statusFd, F_GETFL, 0);
  const where = "--status-fd";
  if (flags < 0) throw new BrunError(`descriptor ${statusFd} is not open`, { where });
  if ((flags & ACCMODE) === O.RDONLY)
    throw new BrunError(`descriptor ${statusFd} is not writable`, { where });
  syscall(NR.fcntl, statusFd, F_SETFD, FD_CLOEXEC);
}

/** Reports that the page server listens: `restore` may ask for pages now. */
function tellReady(fd: number): void {
  syscall(NR.write, fd, new Uint8Array(1), 1);
  close(fd);
}
