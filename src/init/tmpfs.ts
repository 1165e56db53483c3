/** tmpfs mounts: the mode of what they cover, tmpcopyup, and read-only ones that are filled before. */
import type { Mount } from "../spec/index.ts";
import type { Blob, Policy, Slot, Value } from "../stage/program.ts";
import { MOUNT_ATTR, MOVE_MOUNT_F_EMPTY_PATH, MOVE_MOUNT_T_EMPTY_PATH, MS } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { utf8 } from "../sys/utf8.ts";
import type { InitContext } from "./context.ts";
import { labelledText, mountLabel } from "./label.ts";
import { Extra, type MountOptions, NEW_MOUNT_FLAGS, toMountAttr } from "./mount-options.ts";
import { setAttributes } from "./mount-tree.ts";
import { newFileSystem, type Parameter, parametersOf } from "./new-file-system.ts";
import { openIfThere, openTarget } from "./path.ts";

/** Compiles one tmpfs mount up to where it is mounted. */
export function mountTmpfs(x: InitContext, mount: Mount, options: MountOptions): void {
  const { b } = x;
  const { destination } = mount;
  const copyUp = (options.extra & Extra.TMPCOPYUP) !== 0;
  let flags = options.flags & NEW_MOUNT_FLAGS;
  if ((flags & MS.RDONLY) !== 0) {
    // Mount points and devices are still to be made in it.
    flags &= ~MS.RDONLY;
    x.readonlyAtEnd ??= [];
    x.readonlyAtEnd.push(destination);
  }
  const source = b.str(mount.source ?? "tmpfs");
  const given = labelledText(x, options.data);
  const asGiven = given === "" ? null : b.str(given);
  const over = (target: Slot, data: Value, policy: Policy = {}) => {
    b.sys("mount", [source, b.fdPath(target), b.str("tmpfs"), flags, data], policy);
  };
  const asIs = () => {
    const target = openTarget(x, destination, { create: "dir" });
    over(target, asGiven, { close: [target] });
    b.free(target);
  };
  const hasMode = options.data.startsWith("mode=") || options.data.includes(",mode=");
  if ((hasMode && !copyUp) || (flags & MS.REMOUNT) !== 0) {
    asIs();
    return;
  }
  const absent = b.label();
  const done = b.label();
  const below = openIfThere(x, destination, absent, [E.ENOENT]);
  if (copyUp) {
    const mounted = withCopy(x, below, mount.source ?? "tmpfs", flags, options.data, hasMode);
    const empty = b.str("");
    const move = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
    b.sys("move_mount", [mounted, empty, below, empty, move], { close: [mounted, below], andThen: done });
    b.free(mounted);
  } else over(below, hasMode ? asGiven : modeOf(x, below, given), { close: [below], andThen: done });
  b.free(below);
  b.mark(absent);
  asIs();
  b.mark(done);
}

/**
 * A tmpfs with a copy of what it is to cover. It is filled before it is mounted, by its descriptor: the path could lead
 * to somewhere else by then (CVE-2026-133553).
 */
function withCopy(
  x: InitContext,
  covered: Slot,
  source: string,
  flags: number,
  data: string,
  hasMode: boolean,
): Slot {
  const { b } = x;
  const parameters: Parameter[] = [["source", source]];
  if (!hasMode) {
    const mode = b.bytes(utf8("0000\0"), "mode of what is covered");
    b.mode(mode, covered);
    parameters.push(["mode", mode]);
  }
  const label = mountLabel(x);
  if (label !== null) parameters.push([label.option, label.label]);
  for (const [name, flag] of SUPERBLOCK_FLAGS) if ((flags & flag) !== 0) parameters.push([name, null]);
  const attributes = toMountAttr(flags, 0).set;
  const mounted = newFileSystem(x, "tmpfs", [...parameters, ...parametersOf(data)], attributes);
  b.copy(covered, mounted, true);
  return mounted;
}

/** Flags of mount(2) that are about the file system, not the mount. */
const SUPERBLOCK_FLAGS = [
  ["sync", MS.SYNCHRONOUS],
  ["dirsync", MS.DIRSYNC],
  ["lazytime", MS.LAZYTIME],
] as const;

const MODE = "mode=";

/** Data for mount(2) with the mode of what is covered, as runc has it, before the rest. */
function modeOf({ b }: InitContext, covered: Slot, rest: string): Blob {
  const data = utf8(`${MODE}0000${rest === "" ? "" : ","}${rest}\0`);
  const blob = b.bytes(data, () => `mode= of what is covered${rest === "" ? "" : `, ${rest}`}`);
  b.mode(b.inside(blob, MODE.length), covered);
  return blob;
}

/** Makes those tmpfs mounts read-only that are to be, when nothing has to be made in them any more. */
export function readonlyTmpfs(x: InitContext): void {
  for (const destination of x.readonlyAtEnd ?? []) {
    x.b.at("mounts", `make ${destination} read-only`);
    const mounted = openTarget(x, destination);
    setAttributes(x, mounted, MOUNT_ATTR.RDONLY, 0, false);
    x.b.close(mounted);
  }
}
