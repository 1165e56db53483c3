/** tmpfs mounts: the mode of the covered directory, tmpcopyup, and read-only ones that are filled first. */

import { Extra, type MountOptions, NEW_MOUNT_FLAGS } from "../config/mount-options.ts";
import type { Blob, Policy, Slot, Str } from "../plan/program.ts";
import type { Mount } from "../spec/index.ts";
import { MOUNT_ATTR, MS } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { AT_SYMLINK_NOFOLLOW } from "../sys/fs.ts";
import { each, foundLast } from "../sys/lists.ts";
import { utf8 } from "../sys/utf8.ts";
import type { InitContext } from "./context.ts";
import { labelledText } from "./label.ts";
import { attachOr, changeMount, changesMount, setAttributes } from "./mount-tree.ts";
import { components, openIfThere, openTarget } from "./path.ts";
import { hasRealTarget } from "./real-path.ts";
import { mountApart, scratchOf } from "./scratch.ts";

/** Compiles one tmpfs mount. */
export function mountTmpfs(x: InitContext, mount: Mount, options: MountOptions): void {
  const { b } = x;
  const { destination } = mount;
  if ((options.extra & Extra.DIRECTORY) !== 0) {
    makeDirectory(x, destination, options);
    return;
  }
  const copyUp = (options.extra & Extra.TMPCOPYUP) !== 0;
  const remount = (options.flags & MS.REMOUNT) !== 0;
  let flags = options.flags & NEW_MOUNT_FLAGS;
  const readonly = (flags & MS.RDONLY) !== 0 && !remount;
  // Mount points and devices still have to be made in it.
  if (readonly) flags &= ~MS.RDONLY;
  const later = !remount && (copyUp || readonly || changesMount(options)) ? b.slot() : null;
  if (later !== null) scratchOf(x);
  const source = b.str(mount.source ?? "tmpfs");
  const type = b.str("tmpfs");
  const given = labelledText(x, options.data);
  const asGiven = given === "" ? null : b.str(given);
  const over = (target: Slot, data: Blob | Str | null, filled: boolean, policy: Policy) => {
    if (later === null) {
      b.sys("mount", [source, b.fdPath(target), type, flags, data], { close: [target], ...policy });
      b.free(target);
      return;
    }
    mountApart(x, { source, type, flags, data }, later);
    // Filled before it is attached.
    if (filled) b.copy(target, later, true);
    attachOr(x, later, target, true, policy);
  };
  const hasMode = options.data.startsWith("mode=") || options.data.includes(",mode=");
  const done = b.label();
  if (remount) {
    const target = openTarget(x, destination, { create: "dir" });
    b.sys("mount", [source, b.fdPath(target), type, flags, asGiven]);
    changeMount(x, target, options);
    b.close(target);
    return;
  }
  if (copyUp || !hasMode) {
    const absent = b.label();
    const below = openIfThere(x, destination, absent, [E.ENOENT]);
    over(below, hasMode ? asGiven : modeOf(x, below, given), copyUp, { andThen: done });
    b.mark(absent);
  }
  over(openTarget(x, destination, { create: "dir", noSymlinks: hasRealTarget(options) }), asGiven, false, {});
  b.mark(done);
  if (later === null) return;
  changeMount(x, later, options);
  if (readonly) {
    x.readonlyAtEnd ??= [];
    x.readonlyAtEnd.push({ destination, mounted: later });
  } else b.close(later);
}

/**
 * For brun's option "directory": makes a directory in the file system at this path. An
 * existing one stays as it is.
 */
function makeDirectory(x: InitContext, destination: string, { parameters }: MountOptions): void {
  const { b } = x;
  const given = (name: string) => foundLast(parameters, (text) => text.startsWith(name))?.slice(name.length);
  const parts = components(destination);
  const parent = parts.length === 1 ? x.root : openTarget(x, parts.slice(0, -1).join("/"), { create: "dir" });
  const name = b.str(parts[parts.length - 1] ?? ".");
  const exists = b.label();
  const mode = Number.parseInt(given(MODE) ?? "755", 8);
  b.sys("mkdirat", [parent, name, mode], { handle: [E.EEXIST], orElse: exists });
  const [uid, gid] = [given("uid="), given("gid=")];
  if (uid !== undefined || gid !== undefined)
    b.sys("fchownat", [parent, name, Number(uid ?? -1), Number(gid ?? -1), AT_SYMLINK_NOFOLLOW]);
  b.mark(exists);
  if (parent !== x.root) b.close(parent);
}

const MODE = "mode=";

/** Data for mount(2) that begins with the mode of the covered directory, as in runc. */
function modeOf({ b }: InitContext, covered: Slot, rest: string): Blob {
  const data = utf8(`${MODE}0000${rest === "" ? "" : ","}${rest}\0`);
  const blob = b.bytes(data, () => `mode= of what is covered${rest === "" ? "" : `, ${rest}`}`);
  b.mode(b.inside(blob, MODE.length), covered);
  return blob;
}

/** Makes the read-only tmpfs mounts read-only, once all mount points in them are made. */
export function readonlyTmpfs(x: InitContext): void {
  each(x.readonlyAtEnd ?? [], ({ destination, mounted }) => {
    x.b.at("mounts", { kind: "readOnly", path: destination });
    setAttributes(x, mounted, MOUNT_ATTR.RDONLY, 0, false);
    x.b.close(mounted);
  });
}
