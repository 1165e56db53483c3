/** The mounts of a sandbox, each with its purpose and its flag. */
import type { Mount } from "../spec/index.ts";

/**
 * The purpose of a mount:
 * - root: a part of the root file system of --host, --rootfs or --image
 * - system: a mount that every sandbox has: /dev, /proc, /sys
 * - writable: --rw
 * - volume: -v and --mount
 * - tmpfs: --tmpfs, and writable directories of an image
 * - device: --device
 * - file: a file that brun makes or shows, such as the one of name servers
 * - secret: covers a place that --host hides
 * - protected: keeps a file below --rw read-only that makes the host run code
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

/** A mount, with its purpose. */
export interface Placed {
  readonly mount: Mount;
  readonly origin: Origin;
  /** The flag for messages, such as "-v /a:/b"; "" without one. */
  readonly flag: string;
}

/**
 * A read-only bind mount of a whole tree.
 * @param alone nothing is mounted below; only then is "rro" not needed, which fails without mount_setattr(2)
 */
export function readOnlyBind(source: string, destination: string, alone = false): Mount {
  return { destination, type: "bind", source, options: ["rbind", "ro", ...(alone ? [] : ["rro"])] };
}

/** A read-only bind mount of a host's file. */
export function shownFile(source: string, destination = source): Mount {
  return {
    destination,
    type: "bind",
    source,
    options: ["bind", "ro", "nosuid", "nodev", "noexec"],
  };
}
