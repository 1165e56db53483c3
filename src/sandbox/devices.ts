/** --device PATH[:PATH[:rwm]]: a device of the host (podman-run(1)). */
import { BrunError } from "../errors.ts";
import type { DeviceCgroup } from "../spec/index.ts";
import { absolute } from "../sys/fs.ts";
import type { Placed } from "./mounts.ts";
import type { SandboxOptions } from "./options.ts";
import { settle } from "./places.ts";
import type { Entry, HostView } from "./view.ts";

interface Wanted {
  readonly flag: string;
  readonly source: string;
  readonly destination: string;
  readonly access: string;
  readonly entry: Entry;
}

/** Devices as bind mounts: a user namespace may make none. Throws a BrunError. */
export function devices(options: SandboxOptions, view: HostView): Placed[] {
  return wanted(options, view).map(({ flag, source, destination }) => ({
    flag,
    origin: "device",
    mount: {
      destination,
      type: "bind",
      source,
      options: ["bind", "src-nosymlinks", "nosuid", "noexec", "rprivate"],
    },
  }));
}

/** Rules that let root's container at them; in a user namespace the rights of the file decide. Throws a BrunError. */
export function deviceRules(options: SandboxOptions, view: HostView): DeviceCgroup[] {
  return wanted(options, view).map(({ entry, access }) => ({
    allow: true,
    type: entry.device!.type,
    major: entry.device!.major,
    minor: entry.device!.minor,
    access,
  }));
}

function wanted(options: SandboxOptions, view: HostView): Wanted[] {
  return options.device.map((text) => {
    const flag = `--device ${text}`;
    const [first = "", ...rest] = text.split(":");
    const last = rest.at(-1) ?? "";
    const access = /^[rwm]+$/.test(last) ? last : "rwm";
    const others = access === last ? rest.slice(0, -1) : rest;
    if (others.length > 1 || !first.startsWith("/")) {
      throw new BrunError(`${flag} is no device`, { where: flag, hint: "/dev/NAME[:/dev/NAME[:rwm]]" });
    }
    const { path: source, entry } = settle(absolute(first), flag, view);
    if (entry.device === undefined) {
      throw new BrunError(`${source} is not a device`, {
        where: flag,
        hint: `-v ${source}:${source} mounts a file or directory`,
      });
    }
    const destination = absolute(others[0] || first);
    if (!destination.startsWith("/dev/")) {
      throw new BrunError(`${destination} is not below /dev`, { where: flag });
    }
    if (view.nested && !(access.includes("r") && access.includes("w"))) {
      throw new BrunError("who is not root cannot narrow what is done with a device", {
        where: flag,
        hint: "leave out the letters",
      });
    }
    return { flag, source, destination, access, entry };
  });
}
