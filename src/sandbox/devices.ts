/** --device PATH[:PATH[:rwm]]: a device of the host (podman-run(1)), and the nodes of CDI devices. */
import { BrunError } from "../errors.ts";
import type { DeviceCgroup } from "../spec/index.ts";
import { absolute } from "../sys/fs.ts";
import { cdiName, cdiNodes } from "./cdi.ts";
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

/** Devices as bind mounts, since a user namespace cannot make any. Throws a BrunError. */
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

/**
 * Rules that allow the devices for root's container. In a user namespace only the file's mode decides. Throws
 * a BrunError.
 */
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
  const paths = options.device.filter((text) => cdiName(text) === null);
  const nodes = cdiNodes(options, view).map(({ flag, path, hostPath, permissions }) =>
    device({ flag, source: hostPath || path, destination: path, access: permissions || ALL }, view),
  );
  return [...paths.flatMap((text) => ofPath(text, view)), ...nodes];
}

const ALL = "rwm";

/** Parses PATH[:PATH[:rwm]]. A directory stands for all devices in it, as in podman. */
function ofPath(text: string, view: HostView): Wanted[] {
  const flag = `--device ${text}`;
  const [first = "", ...rest] = text.split(":");
  const last = rest.at(-1) ?? "";
  const access = /^[rwm]+$/.test(last) ? last : ALL;
  const others = access === last ? rest.slice(0, -1) : rest;
  if (others.length > 1 || !first.startsWith("/")) {
    throw new BrunError(`${flag} is no device`, {
      where: flag,
      hint: "/dev/NAME[:/dev/NAME[:rwm]], or VENDOR/CLASS=NAME of CDI",
    });
  }
  const destination = absolute(others[0] || first);
  const { path, entry } = settle(absolute(first), flag, view);
  if (entry.type !== "dir") return [device({ flag, source: path, destination, access }, view)];
  const found = (view.list(path) ?? []).filter((name) => view.entry(`${path}/${name}`)?.device !== undefined);
  if (found.length > 0) {
    return found.map((name) =>
      device({ flag, source: `${path}/${name}`, destination: `${destination}/${name}`, access }, view),
    );
  }
  throw new BrunError(`there are no devices in ${path}`, { where: flag, hint: mounts(path) });
}

const mounts = (path: string) => `-v ${path}:${path} mounts a file or directory`;

/** Checks a device. Throws a BrunError. */
function device({ flag, source, destination, access }: Omit<Wanted, "entry">, view: HostView): Wanted {
  const { path, entry } = settle(absolute(source), flag, view);
  if (entry.device === undefined) {
    throw new BrunError(`${path} is not a device`, { where: flag, hint: mounts(path) });
  }
  if (!destination.startsWith("/dev/")) {
    throw new BrunError(`${destination} is not below /dev`, {
      code: "ERR_USAGE",
      where: flag,
      hint: "the second path is its name inside: /dev/NAME",
    });
  }
  if (view.nested && !(access.includes("r") && access.includes("w"))) {
    throw new BrunError("who is not root cannot narrow what is done with a device", {
      where: flag,
      hint: "leave out the letters",
    });
  }
  return { flag, source: path, destination, access, entry };
}
