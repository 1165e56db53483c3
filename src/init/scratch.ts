/**
 * A place to mount on where no path leads to: a tmpfs over the root. What is mounted there is known by its descriptor
 * before it goes to its mount point. A path that is looked up a second time may lead to another mount by then: another
 * container may write to what it leads through (CVE-2026-133553).
 */
import type { Blob, Policy, Slot, Str } from "../plan/program.ts";
import { MNT_DETACH } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { O } from "../sys/fs.ts";
import type { InitContext } from "./context.ts";
import { move } from "./mount-tree.ts";
import { newFileSystem } from "./new-file-system.ts";

/** The tmpfs, made when it is wanted first. Not to be called where a jump leads past. */
export function scratchOf(x: InitContext): Slot {
  if (x.scratch !== undefined) return x.scratch;
  x.scratch = newFileSystem(
    x,
    "tmpfs",
    [
      ["source", "scratch"],
      ["mode", "700"],
    ],
    0,
  );
  move(x, x.scratch, x.root);
  return x.scratch;
}

/** When all mounts are done: those that need something of the tmpfs keep it. */
export function dropScratch(x: InitContext): void {
  const { b, scratch } = x;
  if (scratch === undefined) return;
  b.at("mounts", { kind: "unmountScratch" });
  b.sys("umount2", [b.fdPath(scratch), MNT_DETACH]);
  b.close(scratch);
}

/** What mount(2) is given beside the mount point. */
export interface NewMount {
  readonly source: Str;
  readonly type: Str;
  readonly flags: number;
  readonly data: Blob | Str | null;
}

/**
 * mount(2) apart from the container's files. By that call, since what fsconfig(2) takes is no longer than 255 bytes, as
 * lower directories of overlays may be. {@link scratchOf} has been called.
 * @param out gets the mount (O_PATH), to be attached
 * @param policy of mount(2)
 */
export function mountApart(x: InitContext, mount: NewMount, out: Slot, policy: Policy = {}): void {
  const { b } = x;
  const { source, type, flags, data } = mount;
  const scratch = scratchOf(x);
  const name = b.str("mount");
  b.sys("mkdirat", [scratch, name, 0o700], { handle: [E.EEXIST] });
  const place = b.get("openat", [scratch, name, O.PATH | O.DIRECTORY | O.CLOEXEC, 0]);
  b.sys("mount", [source, b.fdPath(place), type, flags, data], { ...policy, close: [place] });
  b.free(place);
  // This leads to what has been mounted on it.
  b.get("openat", [scratch, name, O.PATH | O.DIRECTORY | O.CLOEXEC, 0], { out });
}
