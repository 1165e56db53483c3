/**
 * User-namespace-first: any valid spec, also one written for root, as an unprivileged caller can run it.
 * Pure: takes a spec, returns a spec and the list of what was changed and why (`brun explain` prints it).
 */

import { type IdMap, type IdMaps, isMapped } from "../../rootless/idmap.ts";
import type { Linux, Mount, Spec } from "../spec/index.ts";
import { absolute } from "../sys/fs.ts";
import { any, each, filtered, mapped } from "../sys/lists.ts";
import { clampLimits, type OwnLimits } from "./limits.ts";
import type { Change } from "./types.ts";

/** The spec as it will run. */
export interface Adapted {
  readonly spec: Spec;
  readonly changes: readonly Change[];
}

/** What the adaptation depends on. */
export interface AdaptInput extends OwnLimits {
  /** A user namespace has to be added. */
  readonly addUserNamespace: boolean;
  /** Maps of the container's new user namespace; null when it joins one or stays in the caller's. */
  readonly maps: IdMaps | null;
  /** Asks for the maps of the caller's, where the container stays in that. */
  readonly ownMaps?: (() => IdMaps) | undefined;
  /** Asks whether mount_setattr(2), which makes a whole mount tree read-only, is missing. */
  readonly lacksSetattr?: (() => boolean) | undefined;
}

/** Adapts a spec to a caller without root. */
export function userNamespaceFirst(original: Spec, input: AdaptInput): Adapted {
  const changes: Change[] = [];
  const linux = { ...original.linux };
  if (input.addUserNamespace) {
    linux.namespaces = [...(linux.namespaces ?? []), { type: "user" as const }];
    changes.push({
      where: "linux.namespaces",
      what: "add a user namespace",
      why: "the caller is not root",
    });
  }
  // Without a new user namespace joined ones are as good as new ones: setns(2) asks for the same right over the
  // user namespace that owns them as mounting does.
  const joinedAreOwn = input.maps === null;
  const own = new Set(
    mapped(
      filtered(linux.namespaces ?? [], (n) => joinedAreOwn || !n.path),
      (n) => n.type,
    ),
  );
  const mounts: Mount[] | undefined =
    original.mounts &&
    mapped(original.mounts, (mount, i) => adaptMount(mount, `mounts[${i}]`, own, input, changes));
  const process = original.process && clampLimits(original.process, input, changes);
  closeSysfs(mounts, linux, input, changes);
  const spec: Spec = { ...original, linux };
  if (mounts !== undefined) spec.mounts = mounts;
  if (process !== undefined) spec.process = process;
  return { spec, changes };
}

function adaptMount(
  mount: Mount,
  where: string,
  own: ReadonlySet<string>,
  input: AdaptInput,
  changes: Change[],
): Mount {
  if (mount.type === "sysfs" && !own.has("network")) {
    changes.push({
      where,
      what: "bind /sys instead of mounting sysfs",
      why: "sysfs needs a network namespace of the container's own",
    });
    return rebind(mount, "/sys");
  }
  if (mount.type === "proc" && !own.has("pid")) {
    changes.push({
      where,
      what: "bind /proc instead of mounting proc",
      why: "proc needs a pid namespace of the container's own",
    });
    return rebind(mount, "/proc");
  }
  if (mount.type === "mqueue" && !own.has("ipc")) {
    changes.push({
      where,
      what: "bind /dev/mqueue instead of mounting mqueue",
      why: "mqueue needs an ipc namespace of the container's own",
    });
    return rebind(mount, "/dev/mqueue");
  }
  return dropUnmappedIds(mount, where, input, changes);
}

/** File systems that are mounted in /sys, by their places there. */
const IN_SYSFS = [
  "fs/bpf",
  "fs/fuse/connections",
  "fs/pstore",
  "kernel/debug",
  "kernel/security",
  "kernel/tracing",
];

/**
 * "ro" of a recursive bind of /sys is for the file system at its top alone. What is mounted below it would be there
 * to write: a FUSE connection of the caller's to abort, the cgroups of the caller's processes outside
 * (CVE-2023-25809). So what is read-only is so all the way down, and the cgroups are not there at all, unless the
 * spec mounts something of its own at that place or below. Changes `mounts` and `linux`.
 */
function closeSysfs(mounts: Mount[] | undefined, linux: Linux, input: AdaptInput, changes: Change[]): void {
  const masked: string[] = [];
  each(mounts ?? [], (mount, i) => {
    const { source, destination, options } = mount;
    if (!any(options, (o) => o === "rbind") || absolute(source ?? "") !== "/sys") return;
    const hide = (path: string, why: string): void => {
      const place = absolute(`/${destination}/${path}`);
      if (any(mounts, (m) => `${absolute(`/${m.destination}`)}/`.startsWith(`${place}/`))) return;
      masked.push(place);
      changes.push({ where: "linux.maskedPaths", what: `add ${place}`, why });
    };
    hide("fs/cgroup", "the host's cgroups that this caller may write come with /sys");
    if (!any(options, (o) => o === "ro") || any(options, (o) => o === "rro" || o === "rrw")) return;
    if (input.lacksSetattr?.() === true) {
      each(IN_SYSFS, (path) =>
        hide(path, "without mount_setattr(2) what comes with /sys cannot be made read-only"),
      );
      return;
    }
    mounts![i] = { ...mount, options: [...options!, "rro"] };
    changes.push({
      where: `mounts[${i}]`,
      what: "add rro",
      why: "read-only means what is mounted below /sys as well",
    });
  });
  if (masked.length > 0) linux.maskedPaths = [...(linux.maskedPaths ?? []), ...masked];
}

const generic = new Set(["ro", "rw", "nosuid", "suid", "nodev", "dev", "noexec", "exec", "bind", "rbind"]);

/** A recursive bind of the host's, with those options of the mount that a bind can have. */
export function rebind(mount: Mount, source: string): Mount {
  const options = filtered(mount.options ?? [], (o) => generic.has(o) && !o.endsWith("bind"));
  return { ...mount, type: "bind", source, options: ["rbind", ...options] };
}

/** Drops uid= and gid= options whose id has no meaning in the user namespace: "gid=5" of devpts. */
function dropUnmappedIds(mount: Mount, where: string, input: AdaptInput, changes: Change[]): Mount {
  if (!any(mount.options, (option) => option.startsWith("uid=") || option.startsWith("gid="))) return mount;
  const maps = input.maps ?? input.ownMaps?.();
  if (maps === undefined || mount.options === undefined) return mount;
  const options = filtered(mount.options, (option) => {
    const user = option.startsWith("uid=");
    if (!user && !option.startsWith("gid=")) return true;
    const id = Number(option.slice(4));
    if (option.length === 4 || !Number.isSafeInteger(id)) return true;
    const map: readonly IdMap[] = user ? maps.uid : maps.gid;
    if (isMapped(map, id)) return true;
    // The terminals of devpts have the same group in every config. Of a tmpfs the owner is somebody who is to write to it.
    const warn = mount.type === "tmpfs" ? { warn: true as const } : {};
    changes.push({
      where,
      what: `drop ${option}`,
      why: "the id is not mapped in the user namespace",
      ...warn,
    });
    return false;
  });
  return options.length === mount.options.length ? mount : { ...mount, options };
}
