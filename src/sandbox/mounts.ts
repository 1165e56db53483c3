/** Mounts of a sandbox, each with what it is there for, and the flag that it comes from. */
import type { Mount } from "../spec/index.ts";

/**
 * What a mount is there for:
 * - root: a part of the root file system of --host, --rootfs or --image
 * - system: what every sandbox has: /dev, /proc, /sys
 * - writable: --rw
 * - volume: -v and --mount
 * - tmpfs: --tmpfs, and what an image wants to write to
 * - device: --device
 * - file: a file of brun's own that is shown, such as that of name servers
 * - secret: covers what --host hides
 * - protected: keeps read-only what is below --rw and runs code on the host
 * - own: covers a directory of brun (own-state.ts), or keeps one from being renamed
 */
export type Origin =
  | "root"
  | "system"
  | "writable"
  | "volume"
  | "tmpfs"
  | "device"
  | "file"
  | "secret"
  | "protected"
  | "own";

/** A mount, and what it comes from. */
export interface Placed {
  readonly mount: Mount;
  readonly origin: Origin;
  /** For people: "-v /a:/b"; "" where no flag asks for it. */
  readonly flag: string;
}

/**
 * A read-only bind mount, with everything below it.
 * @param alone nothing is mounted below: without mount_setattr(2) "rro" is refused
 */
export function readOnlyBind(source: string, destination: string, alone = false): Mount {
  return { destination, type: "bind", source, options: ["rbind", "ro", ...(alone ? [] : ["rro"])] };
}

/** A file of the host, read-only. */
export function shownFile(source: string, destination = source): Mount {
  return {
    destination,
    type: "bind",
    source,
    options: ["bind", "ro", "nosuid", "nodev", "noexec"],
  };
}
