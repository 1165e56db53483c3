/** Mounts of a sandbox, each with the flag that it comes from, which error lines name. */
import type { Mount } from "../spec/index.ts";

/** A mount and its flag: "-v /a:/b". */
export interface Placed {
  readonly mount: Mount;
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
