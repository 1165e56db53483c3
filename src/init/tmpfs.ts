/** tmpfs mounts: the mode of what they cover, tmpcopyup, and read-only ones that are filled before. */
import type { Mount } from "../spec/index.ts";
import type { Blob, Policy, Slot, Value } from "../stage/program.ts";
import { MOUNT_ATTR, MS } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { utf8 } from "../sys/utf8.ts";
import type { InitContext } from "./context.ts";
import { labelledText } from "./label.ts";
import { Extra, type MountOptions, NEW_MOUNT_FLAGS } from "./mount-options.ts";
import { setAttributes } from "./mount-tree.ts";
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
  const data = hasMode ? asGiven : modeOf(x, below, given);
  if (copyUp) {
    over(below, data);
    const mounted = openTarget(x, destination);
    b.copy(below, mounted, true, { close: [below, mounted], andThen: done });
    b.free(mounted);
  } else over(below, data, { close: [below], andThen: done });
  b.free(below);
  b.mark(absent);
  asIs();
  b.mark(done);
}

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
