/** Mount options of config.json: which flags each sets and clears (mount(8), runtime-spec config.md#mounts). */
import type { Mount } from "../spec/index.ts";
import { MOUNT_ATTR, MS } from "../sys/constants.ts";

/** What an option asks of the runtime beyond flags: extensions of runc, crun and brun. */
export enum Extra {
  /** A tmpfs begins with a copy of the contents that it covers. */
  TMPCOPYUP = 1,
  /** The mount has its own id mappings; with RIDMAP the mounts below it have them, too. */
  IDMAP = 2,
  RIDMAP = 4,
  /** A source that is a symbolic link is made again instead of followed. */
  COPY_SYMLINK = 8,
  /** The source, or the destination, is the symbolic link itself, not its target. */
  SRC_NOFOLLOW = 16,
  DEST_NOFOLLOW = 32,
  /** brun: the upper directory of an overlay is on a tmpfs, which ends with the container. */
  TMPUPPER = 64,
  /**
   * brun: the source, or the overlay's lower directory, is the file that the root file system had at this path
   * before mounts covered it. No symbolic link is followed on the way, and if the file is gone the mount is left
   * out.
   */
  FROM_ROOT = 128,
  /**
   * brun: the source, or each directory of an overlay, is a path without symbolic links. Opening it fails if there
   * is one now. The same holds for the mount point.
   */
  SRC_NOSYMLINKS = 256,
  DEST_NOSYMLINKS = 512,
  /** brun: a tmpfs whose mount point is a file. An empty file of the tmpfs is mounted there. */
  TMPFILE = 1024,
  /**
   * brun: a directory in the file system at this path, instead of a tmpfs; with the mode,
   * uid and gid of the options.
   */
  DIRECTORY = 2048,
}

/** The mount(2) flags that apply when a file system is mounted. */
export const NEW_MOUNT_FLAGS = ~(MS.BIND | MS.REC);

/** Effect of one option. */
interface OptionEffect {
  /** mount(2) flags to set and to clear. */
  readonly set?: number;
  readonly clear?: number;
  /** mount_setattr(2) attributes to set and clear on the mount and everything below it. */
  readonly recursiveSet?: number;
  readonly recursiveClear?: number;
  /** Propagation type, with MS_REC for rprivate, rshared, rslave and runbindable. */
  readonly propagation?: number;
  /** {@link Extra}. */
  readonly extra?: number;
}

const ATIME = MS.NOATIME | MS.RELATIME | MS.STRICTATIME;

const table: Readonly<Record<string, OptionEffect>> = {
  defaults: {},
  ro: { set: MS.RDONLY },
  rw: { clear: MS.RDONLY },
  nosuid: { set: MS.NOSUID },
  suid: { clear: MS.NOSUID },
  nodev: { set: MS.NODEV },
  dev: { clear: MS.NODEV },
  noexec: { set: MS.NOEXEC },
  exec: { clear: MS.NOEXEC },
  sync: { set: MS.SYNCHRONOUS },
  async: { clear: MS.SYNCHRONOUS },
  dirsync: { set: MS.DIRSYNC },
  remount: { set: MS.REMOUNT },
  mand: { set: MS.MANDLOCK },
  nomand: { clear: MS.MANDLOCK },
  noatime: { set: MS.NOATIME, clear: ATIME },
  atime: { clear: MS.NOATIME },
  nodiratime: { set: MS.NODIRATIME },
  diratime: { clear: MS.NODIRATIME },
  relatime: { set: MS.RELATIME, clear: ATIME },
  norelatime: { clear: MS.RELATIME },
  strictatime: { set: MS.STRICTATIME, clear: ATIME },
  nostrictatime: { clear: MS.STRICTATIME },
  lazytime: { set: MS.LAZYTIME },
  nolazytime: { clear: MS.LAZYTIME },
  iversion: { set: MS.I_VERSION },
  noiversion: { clear: MS.I_VERSION },
  silent: { set: MS.SILENT },
  loud: { clear: MS.SILENT },
  nosymfollow: { set: MS.NOSYMFOLLOW },
  symfollow: { clear: MS.NOSYMFOLLOW },
  bind: { set: MS.BIND },
  rbind: { set: MS.BIND | MS.REC },
  private: { propagation: MS.PRIVATE },
  rprivate: { propagation: MS.PRIVATE | MS.REC },
  slave: { propagation: MS.SLAVE },
  rslave: { propagation: MS.SLAVE | MS.REC },
  shared: { propagation: MS.SHARED },
  rshared: { propagation: MS.SHARED | MS.REC },
  unbindable: { propagation: MS.UNBINDABLE },
  runbindable: { propagation: MS.UNBINDABLE | MS.REC },
  rro: { recursiveSet: MOUNT_ATTR.RDONLY },
  rrw: { recursiveClear: MOUNT_ATTR.RDONLY },
  rnosuid: { recursiveSet: MOUNT_ATTR.NOSUID },
  rsuid: { recursiveClear: MOUNT_ATTR.NOSUID },
  rnodev: { recursiveSet: MOUNT_ATTR.NODEV },
  rdev: { recursiveClear: MOUNT_ATTR.NODEV },
  rnoexec: { recursiveSet: MOUNT_ATTR.NOEXEC },
  rexec: { recursiveClear: MOUNT_ATTR.NOEXEC },
  rnoatime: { recursiveSet: MOUNT_ATTR.NOATIME, recursiveClear: MOUNT_ATTR.ATIME },
  ratime: { recursiveClear: MOUNT_ATTR.ATIME },
  rstrictatime: { recursiveSet: MOUNT_ATTR.STRICTATIME, recursiveClear: MOUNT_ATTR.ATIME },
  rnostrictatime: { recursiveClear: MOUNT_ATTR.ATIME },
  rrelatime: { recursiveClear: MOUNT_ATTR.ATIME },
  rnorelatime: { recursiveClear: MOUNT_ATTR.ATIME },
  rnodiratime: { recursiveSet: MOUNT_ATTR.NODIRATIME },
  rdiratime: { recursiveClear: MOUNT_ATTR.NODIRATIME },
  rnosymfollow: { recursiveSet: MOUNT_ATTR.NOSYMFOLLOW },
  rsymfollow: { recursiveClear: MOUNT_ATTR.NOSYMFOLLOW },
  tmpcopyup: { extra: Extra.TMPCOPYUP },
  idmap: { extra: Extra.IDMAP },
  ridmap: { extra: Extra.IDMAP | Extra.RIDMAP },
  "copy-symlink": { extra: Extra.COPY_SYMLINK },
  "src-nofollow": { extra: Extra.SRC_NOFOLLOW },
  "dest-nofollow": { extra: Extra.DEST_NOFOLLOW },
  tmpupper: { extra: Extra.TMPUPPER },
  "from-root": { extra: Extra.FROM_ROOT },
  "src-nosymlinks": { extra: Extra.SRC_NOSYMLINKS },
  "dest-nosymlinks": { extra: Extra.DEST_NOSYMLINKS },
  tmpfile: { extra: Extra.TMPFILE },
  directory: { extra: Extra.DIRECTORY },
};

/** Names of all options that brun knows; any other goes to the file system as data. */
export function mountOptionNames(): string[] {
  return Object.keys(table).sort();
}

/** The options of one mount, parsed. */
export interface MountOptions {
  /** mount(2) flags. */
  readonly flags: number;
  /** mount(2) flags that an option cleared explicitly ("rw", "suid"). */
  readonly cleared: number;
  readonly recursiveSet: number;
  readonly recursiveClear: number;
  /** Propagation types in the order given. */
  readonly propagation: readonly number[];
  /** {@link Extra}. */
  readonly extra: number;
  /** The options for the file system, one by one, and joined by commas. */
  readonly parameters: readonly string[];
  readonly data: string;
}

/** Parses a mount's options; later ones win, as with mount(8). */
export function parseMountOptions(options: readonly string[]): MountOptions {
  let flags = 0;
  let cleared = 0;
  let recursiveSet = 0;
  let recursiveClear = 0;
  let extra = 0;
  const propagation: number[] = [];
  const parameters: string[] = [];
  for (const option of options) {
    const effect = table[option];
    if (effect === undefined) {
      parameters.push(option);
      continue;
    }
    if (effect.clear !== undefined) {
      flags &= ~effect.clear;
      cleared |= effect.clear;
    }
    if (effect.set !== undefined) {
      flags |= effect.set;
      cleared &= ~effect.set;
    }
    if (effect.recursiveClear !== undefined) {
      recursiveSet &= ~effect.recursiveClear;
      recursiveClear |= effect.recursiveClear;
    }
    if (effect.recursiveSet !== undefined) {
      recursiveSet |= effect.recursiveSet;
      // The access-time attributes are one field: setting any of them clears the whole field first.
      if ((effect.recursiveSet & MOUNT_ATTR.ATIME) === 0) recursiveClear &= ~effect.recursiveSet;
    }
    if (effect.propagation !== undefined) propagation.push(effect.propagation);
    if (effect.extra !== undefined) extra |= effect.extra;
  }
  const data = parameters.join(",");
  return { flags, cleared, recursiveSet, recursiveClear, propagation, extra, parameters, data };
}

const attributes: readonly (readonly [number, number])[] = [
  [MS.RDONLY, MOUNT_ATTR.RDONLY],
  [MS.NOSUID, MOUNT_ATTR.NOSUID],
  [MS.NODEV, MOUNT_ATTR.NODEV],
  [MS.NOEXEC, MOUNT_ATTR.NOEXEC],
  [MS.NODIRATIME, MOUNT_ATTR.NODIRATIME],
  [MS.NOSYMFOLLOW, MOUNT_ATTR.NOSYMFOLLOW],
];

/** mount_setattr(2) attributes to set and to clear. */
export interface AttributeChange {
  readonly set: number;
  readonly clear: number;
}

/** Converts mount(2) flags to mount_setattr(2) attributes. */
export function toMountAttr(flags: number, cleared: number): AttributeChange {
  let set = 0;
  let clear = 0;
  for (const [flag, attr] of attributes) {
    if ((flags & flag) !== 0) set |= attr;
    else if ((cleared & flag) !== 0) clear |= attr;
  }
  if ((flags & ATIME) !== 0) {
    clear |= MOUNT_ATTR.ATIME;
    if ((flags & MS.NOATIME) !== 0) set |= MOUNT_ATTR.NOATIME;
    else if ((flags & MS.STRICTATIME) !== 0) set |= MOUNT_ATTR.STRICTATIME;
  }
  return { set, clear };
}

/** mount_setattr(2) attributes as mount(2) flags. */
export function toMountFlags(attrs: number): number {
  let flags = 0;
  for (const [flag, attr] of attributes) if ((attrs & attr) !== 0) flags |= flag;
  const atime = attrs & MOUNT_ATTR.ATIME;
  if (atime === MOUNT_ATTR.ATIME) return flags | ATIME;
  if (atime === MOUNT_ATTR.NOATIME) flags |= MS.NOATIME;
  if (atime === MOUNT_ATTR.STRICTATIME) flags |= MS.STRICTATIME;
  return flags;
}

/**
 * As {@link toMountAttr}, and if any flag is given all other attributes are cleared, as mount(2) does with
 * MS_REMOUNT and MS_BIND. Access times change only when a flag is about them.
 */
export function exactMountAttr(flags: number, cleared: number): AttributeChange {
  const { set, clear } = toMountAttr(flags, cleared);
  if ((flags & ~(MS.BIND | MS.REC | MS.REMOUNT)) === 0 && cleared === 0) return { set, clear };
  const times = MOUNT_ATTR.ATIME | MOUNT_ATTR.NODIRATIME;
  const aboutTimes = (flags & (ATIME | MS.NODIRATIME)) !== 0;
  let all = aboutTimes ? times : 0;
  for (const [flag, attr] of attributes) if (flag !== MS.NODIRATIME) all |= attr;
  return { set, clear: (all & ~set) | (aboutTimes ? MOUNT_ATTR.ATIME : 0) };
}

/** Whether a mount is a bind mount: by its options or its type. */
export function isBind(mount: Mount, options: MountOptions): boolean {
  return (options.flags & MS.BIND) !== 0 || mount.type === "bind";
}
