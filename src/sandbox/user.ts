/** The user of a sandbox's program, and the id maps. */
import { chooseIds } from "../../rootless/default-ids.ts";
import { type IdMap, type IdMaps, isMapped, keepIdMaps } from "../../rootless/idmap.ts";
import { groupId, type NamedUser, namedUser, type UserFiles } from "../config/user-names.ts";
import { BrunError } from "../errors.ts";
import type { IDMapping, User } from "../spec/index.ts";
import { cdiGroups } from "./cdi.ts";
import type { SandboxOptions } from "./options.ts";
import type { HostView } from "./view.ts";

/**
 * The user of `--user` NAME|UID[:GROUP|GID]. Names are looked up in /etc/passwd and /etc/group of the
 * container's root. The default is the caller in a sandbox of the host, and root otherwise. Throws a
 * BrunError.
 */
export function sandboxUser(options: SandboxOptions, view: HostView): NamedUser {
  const { caller } = view;
  const given = options.user ?? (isCaller(options) ? `${caller.uid}:${caller.gid}` : "0");
  const files = {
    passwd: rootText(options, view, "/etc/passwd"),
    group: rootText(options, view, "/etc/group"),
    where: options.root.kind === "host" ? "" : options.root.path,
  };
  const found = namedUser(given, files, options.user !== undefined);
  const groups = [...addedGroups(options, files), ...cdiGroups(options, view)];
  if (groups.length === 0) return found;
  const { gid = 0, additionalGids = [gid] } = found.user;
  return { ...found, user: { ...found.user, additionalGids: [...new Set([...additionalGids, ...groups])] } };
}

/**
 * The groups of --group-add. A sandbox of the host always keeps the caller's groups, so `keep-groups` adds
 * none there.
 */
function addedGroups({ groupAdd, root }: SandboxOptions, files: UserFiles): number[] {
  return groupAdd.flatMap((group) => {
    if (root.kind !== "host") return [groupId(group, files, "--group-add")];
    if (group === "keep-groups") return [];
    throw new BrunError("with --host the program has the caller's groups, and no others", {
      where: "--group-add",
      hint: "`sg GROUP` starts brun with one more of yours",
    });
  });
}

/** Whether the program runs as the caller by default, since the caller has its own ids inside. */
function isCaller({ root, userns }: SandboxOptions): boolean {
  return root.kind === "host" || userns === "keep-id";
}

/**
 * The text of a file of the root. Another root is not trusted: its links are resolved in it, and the size is
 * limited.
 */
function rootText({ root }: SandboxOptions, view: HostView, path: string): string | null {
  return root.kind === "host" ? view.text(path) : view.textInRoot(root.path, path);
}

/** The id maps of a sandbox. */
export interface SandboxMaps {
  readonly uidMappings: IDMapping[];
  readonly gidMappings: IDMapping[];
}

/**
 * Makes the id maps. In a sandbox of the host the caller keeps its id, and needs no others: it has made all
 * mounts, and so has its usual access, also by its groups. Another user of the host is one of the subordinate
 * ids around it. Null for the default, where the caller is root inside: for another root, and for `--user
 * root`.
 */
export function sandboxMaps(options: SandboxOptions, view: HostView, user: User): SandboxMaps | null {
  const { caller } = view;
  if (!view.rootless || options.root.kind !== "host" || user.uid === 0 || caller.uid === 0) return null;
  const itself = user.uid === caller.uid && user.gid === caller.gid;
  if (options.userns === "single" && !itself) {
    throw new BrunError("the caller alone is mapped, so --user can only be you, or root", {
      where: "--user",
    });
  }
  if (itself && (options.userns === "auto" || options.userns === "single")) return aloneMaps(view, user);
  const maps = keptIds(options, view);
  checkMapped("uid", user.uid ?? 0, maps.uid);
  checkMapped("gid", user.gid ?? 0, maps.gid);
  const toMapping = (m: IdMap) => ({ containerID: m.containerId, hostID: m.hostId, size: m.size });
  return { uidMappings: maps.uid.map(toMapping), gidMappings: maps.gid.map(toMapping) };
}

/**
 * The caller's own ids, with its subordinate ones around them. These are only required if a flag asks for
 * them.
 */
function keptIds({ userns }: SandboxOptions, view: HostView): IdMaps {
  const { caller, subids, rangesObstacle: obstacle } = view;
  if (userns !== "auto")
    return chooseIds({ caller, mode: "keep-id", subids, obstacle, needsMore: true, lesserRoot: false }).maps;
  const { uid, gid } = subids();
  return keepIdMaps(caller.uid, caller.gid, uid, gid);
}

function checkMapped(kind: "uid" | "gid", id: number, map: readonly IdMap[]): void {
  if (isMapped(map, id)) return;
  throw new BrunError(`${kind} ${id} is beyond your subordinate ${kind}s`, {
    where: "--user",
    hint: `root can add some to /etc/sub${kind}; \`brun doctor\` shows those that you have`,
  });
}

/** Whether the caller's id is the only one. Then it owns all new files. */
export function isAlone(maps: SandboxMaps | null): boolean {
  return maps !== null && maps.uidMappings.length === 1 && maps.uidMappings[0]!.size === 1;
}

/**
 * Maps the caller alone, as itself or as root: a FUSE file system does not let others in. Throws a BrunError
 * if another user is to run the program.
 */
export function aloneMaps(view: HostView, { uid = 0, gid = 0 }: User): SandboxMaps {
  const { caller } = view;
  if (uid !== 0 && (uid !== caller.uid || gid !== caller.gid)) {
    throw new BrunError("--user can only be you, or root, with fuse-overlayfs", { where: "--user" });
  }
  const one = (containerID: number, hostID: number) => [{ containerID, hostID, size: 1 }];
  return { uidMappings: one(uid, caller.uid), gidMappings: one(uid === 0 ? 0 : gid, caller.gid) };
}
