/** The options of checkpoint and restore, and the part of them that CRIU gets for both. */
import { BrunError } from "../errors.ts";
import { CLONE } from "../sys/constants.ts";
import { errnoText } from "../sys/errno.ts";
import { AT_FDCWD, absolute, close, exists, mkdir, O, tryOpen } from "../sys/fs.ts";
import { CGROUP_MODES, type CriuOptions } from "./rpc.ts";

/** Options of checkpoint and restore; names as runc's flags. */
export interface CriuFlags {
  readonly id: string;
  /** Directory of the images; "" is "checkpoint" in the current directory. */
  readonly imagePath: string;
  /** Directory of logs and temporary files; "" for that of the images. */
  readonly workPath: string;
  readonly tcpEstablished: boolean;
  readonly extUnixSk: boolean;
  readonly shellJob: boolean;
  readonly fileLocks: boolean;
  readonly manageCgroupsMode: string;
  readonly emptyNs: readonly string[];
  readonly autoDedup: boolean;
  readonly lazyPages: boolean;
}

/** Options of checkpoint. */
export interface CheckpointOptions extends CriuFlags {
  /** Relative to the directory of the images. */
  readonly parentPath: string;
  readonly leaveRunning: boolean;
  readonly tcpSkipInFlight: boolean;
  readonly linkRemap: boolean;
  /** -1 for none. */
  readonly statusFd: number;
  /** ADDRESS:PORT, or "". */
  readonly pageServer: string;
  readonly preDump: boolean;
}

/** Options of restore. */
export interface RestoreOptions extends CriuFlags {
  readonly bundle: string;
  readonly consoleSocket?: string | undefined;
  readonly pidFile?: string | undefined;
  readonly detach: boolean;
  readonly noSubreaper: boolean;
  readonly lsmProfile: string;
  readonly lsmMountContext: string;
}

/** Directories that are open during one request. */
export interface Directories {
  readonly images: number;
  /** -1 if it is the directory of the images. */
  readonly work: number;
  readonly imagePath: string;
}

/** Absolute path of the images. */
function imagePathOf(flags: CriuFlags): string {
  return absolute(flags.imagePath || "checkpoint");
}

/** The directory of CRIU's log. */
export function logDirectory(flags: CriuFlags): string {
  return flags.workPath === "" ? imagePathOf(flags) : absolute(flags.workPath);
}

/** Opens the directories. If `make` is set, missing ones are made. Throws a BrunError. */
export function openDirectories(flags: CriuFlags, make: boolean): Directories {
  const imagePath = imagePathOf(flags);
  const images = openDirectory(imagePath, "--image-path", make);
  const work = flags.workPath === "" ? -1 : openDirectory(logDirectory(flags), "--work-path", true);
  return { images, work, imagePath };
}

/** Closes the directories. */
export function closeDirectories({ images, work }: Directories): void {
  close(images);
  if (work >= 0) close(work);
}

function openDirectory(path: string, where: string, make: boolean): number {
  if (make && !exists(path)) mkdir(path, 0o700);
  const fd = tryOpen(path, O.RDONLY | O.DIRECTORY, 0, AT_FDCWD);
  if (fd >= 0) return fd;
  throw new BrunError(`cannot open the directory ${path}: ${errnoText(-fd)}`, { where });
}

/** Checks flags as far as possible without CRIU. Throws a BrunError. */
export function checkFlags(flags: CriuFlags): void {
  if (!Object.hasOwn(CGROUP_MODES, flags.manageCgroupsMode)) {
    throw new BrunError(`invalid manage-cgroups-mode value "${flags.manageCgroupsMode}"`, {
      hint: "soft, full, strict or ignore",
    });
  }
  for (const name of flags.emptyNs) {
    if (name === "network") continue;
    throw new BrunError(`namespace "${name}" is not supported`, { where: "--empty-ns", hint: "network is" });
  }
}

/**
 * Options of both requests. CRIU never restores network devices: the tool that made them has to (--empty-ns
 * network).
 */
export function commonOptions(
  flags: CriuFlags,
  directories: Directories,
  annotations: Readonly<Record<string, string>> | undefined,
): CriuOptions {
  return {
    imagesDirFd: directories.images,
    workDirFd: directories.work < 0 ? undefined : directories.work,
    logLevel: 4,
    notifyScripts: true,
    manageCgroups: true,
    manageCgroupsMode: CGROUP_MODES[flags.manageCgroupsMode]!,
    shellJob: flags.shellJob,
    tcpEstablished: flags.tcpEstablished,
    extUnixSk: flags.extUnixSk,
    fileLocks: flags.fileLocks,
    emptyNs: CLONE.NEWNET,
    orphanPtsMaster: true,
    autoDedup: flags.autoDedup,
    lazyPages: flags.lazyPages,
    configFile: configFile(annotations),
  };
}

const CONFIG_FILES = ["/etc/criu/brun.conf", "/etc/criu/runc.conf"];

/**
 * CRIU's configuration file: that of annotation org.criu.config, or none if it is empty. Without the annotation it
 * is the machine's.
 */
function configFile(annotations: Readonly<Record<string, string>> | undefined): string | undefined {
  const named = annotations?.["org.criu.config"];
  return named === undefined ? CONFIG_FILES.find((path) => exists(path)) : named || undefined;
}
