/** tmpfs mounts: the mode of what they cover, tmpcopyup, and read-only ones that are filled before. */
import type { Mount } from "../spec/index.ts";
import type { Slot } from "../stage/program.ts";
import { MOUNT_ATTR, MS } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import type { InitContext } from "./context.ts";
import { labelled } from "./label.ts";
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
  const data = labelled(x, options.data);
  const over = (target: Slot, keep: boolean) => {
    const args = [source, b.fdPath(target), b.str("tmpfs"), flags, data] as const;
    b.sys("mount", args, keep ? {} : { close: [target] });
    if (!keep) b.free(target);
  };
  const hasMode = options.data.startsWith("mode=") || options.data.includes(",mode=");
  if ((hasMode && !copyUp) || (flags & MS.REMOUNT) !== 0) {
    over(openTarget(x, destination, { create: "dir" }), false);
    return;
  }
  const absent = b.label();
  const done = b.label();
  const below = openIfThere(x, destination, absent, [E.ENOENT]);
  over(below, true);
  const mounted = openTarget(x, destination);
  b.copy(below, mounted, copyUp, { close: [below, mounted], andThen: done });
  b.free(below);
  b.free(mounted);
  b.mark(absent);
  over(openTarget(x, destination, { create: "dir" }), false);
  b.mark(done);
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
