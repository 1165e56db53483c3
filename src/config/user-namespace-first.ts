/**
 * User-namespace-first: adapts any valid spec, also one written for root, so that an unprivileged caller can run
 * it. Pure: it returns the new spec, and a list of what was changed and why (`brun explain` prints it).
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
  /** Whether a user namespace has to be added. */
  readonly addUserNamespace: boolean;
  /** Maps of the container's new user namespace; null if it joins one or stays in the caller's. */
  readonly maps: IdMaps | null;
  /** Gives the maps of the caller's user namespace if the container stays in it. */
  readonly ownMaps?: (() => IdMaps) | undefined;
  /** Whether mount_setattr(2), which makes a whole mount tree read-only, is missing. */
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
  // Without a new user namespace, joined namespaces are as good as new ones: setns(2) and mounting ask for the
  // same right over the user namespace that owns them.
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

/** Directories of /sys on which other file systems are mounted. */
const IN_SYSFS = [
  "fs/bpf",
  "fs/fuse/connections",
  "fs/pstore",
  "kernel/debug",
  "kernel/security",
  "kernel/tracing",
];

/**
 * The option "ro" of a recursive bind of /sys applies only to the file system at its top. Mounts below it would
 * stay writable: a FUSE connection of the caller's could be aborted, and cgroups of the caller's processes outside
 * be written (CVE-2023-25809). So "ro" is made recursive, and the cgroups are masked unless the spec mounts
 * something at that place or below. Changes `mounts` and `linux`.
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

/** A recursive bind mount of a host path. It keeps those options of the mount that a bind mount can have. */
export function rebind(mount: Mount, source: string): Mount {
  const options = filtered(mount.options ?? [], (o) => generic.has(o) && !o.endsWith("bind"));
  return { ...mount, type: "bind", source, options: ["rbind", ...options] };
}

/** Drops uid= and gid= options whose id is not mapped in the user namespace, such as "gid=5" of devpts. */
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
    // Every config gives devpts the same gid, so that is not worth a warning. The owner of a tmpfs is meant to
    // write to it.
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
