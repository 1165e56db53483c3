/**
 * A tmpfs over the root in which mounts are made before they are moved to their mount points. No path of the
 * container leads there, so a new mount is known by its descriptor. A path that is looked up a second time could
 * lead to another mount, since another container may write to one of its directories (CVE-2026-133553).
 */
import type { Blob, Policy, Slot, Str } from "../plan/program.ts";
import { MNT_DETACH } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { O } from "../sys/fs.ts";
import type { InitContext } from "./context.ts";
import { move } from "./mount-tree.ts";
import { newFileSystem } from "./new-file-system.ts";

/** The tmpfs, which is made on first use. Must not be called where a jump may skip the operations. */
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

/** Unmounts the tmpfs when all mounts are done. Mounts that still use it keep it alive. */
export function dropScratch(x: InitContext): void {
  const { b, scratch } = x;
  if (scratch === undefined) return;
  b.at("mounts", { kind: "unmountScratch" });
  b.sys("umount2", [b.fdPath(scratch), MNT_DETACH]);
  b.close(scratch);
}

/** The arguments of mount(2) besides the mount point. */
export interface NewMount {
  readonly source: Str;
  readonly type: Str;
  readonly flags: number;
  readonly data: Blob | Str | null;
}

/**
 * Mounts a file system in the tmpfs, where no path of the container leads. It uses mount(2), since a value of
 * fsconfig(2) has at most 255 bytes, and the lower directories of overlays may be longer. Needs an earlier call of
 * {@link scratchOf}.
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
  // Opened again, the directory leads to the new mount.
  b.get("openat", [scratch, name, O.PATH | O.DIRECTORY | O.CLOEXEC, 0], { out });
}
