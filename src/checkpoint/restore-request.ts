/** Builds the restore request for CRIU. */
import type { ContainerConfig } from "../config/types.ts";
import { BrunError } from "../errors.ts";
import { defaultDevices } from "../init/devices.ts";
import { readTextIfThere } from "../sys/fs.ts";
import type { Criu } from "./criu.ts";
import { MOUNTS_FILE, restoreMounts } from "./external.ts";
import { commonOptions, type Directories, type RestoreOptions } from "./options.ts";
import type { CriuOptions, Pair } from "./rpc.ts";
import { DESCRIPTORS_FILE, inheritedStreams } from "./streams.ts";

export const RESTORE_LOG = "restore.log";

/** @param bound mount points of bind mounts, and their sources. Throws a BrunError. */
export function restoreOptions(
  criu: Criu,
  options: RestoreOptions,
  directories: Directories,
  { spec, rootfs }: ContainerConfig,
  bound: readonly Pair[],
): CriuOptions {
  const { imagePath } = directories;
  // In a user namespace, and for a user who is not root, devices are binds of the host's.
  const devices = [...defaultDevices, ...(spec.linux?.devices ?? [])].map(({ path }) => ({
    key: path,
    val: path,
  }));
  return {
    ...commonOptions(options, directories, spec.annotations),
    logFile: RESTORE_LOG,
    root: rootfs,
    evasiveDevices: true,
    // The process becomes a child of brun.
    rstSibling: true,
    unprivileged: criu.unprivileged || undefined,
    lsmProfile: options.lsmProfile || undefined,
    lsmMountContext: options.lsmMountContext || undefined,
    extMnt: restoreMounts(stringsIn(`${imagePath}/${MOUNTS_FILE}`), [...devices, ...bound]),
    inheritFd: inheritedStreams(stringsIn(`${imagePath}/${DESCRIPTORS_FILE}`)),
  };
}

/**
 * The list in a JSON file; empty without the file, since runc and crun write only one of the two. Throws a
 * BrunError.
 */
function stringsIn(path: string): string[] {
  const text = readTextIfThere(path);
  if (text === null) return [];
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list) && list.every((item) => typeof item === "string")) return list;
  } catch {
    // Text that is no JSON gets the same error as JSON of another kind.
  }
  throw new BrunError(`${path} is no list of texts: this is not a checkpoint, or it is damaged`, {
    where: path,
  });
}
