/** Who a sandbox's program runs as, and which ids of the host stand behind that. */
import { chooseIds } from "../../rootless/default-ids.ts";
import { type IdMap, type IdMaps, isMapped, keepIdMaps } from "../../rootless/idmap.ts";
import { BrunError } from "../errors.ts";
import type { IDMapping, User } from "../spec/index.ts";
import type { SandboxOptions } from "./options.ts";
import type { HostView } from "./view.ts";

/** A user of the container with a name and home for the environment, where they are known. */
export interface SandboxUser {
  readonly user: User;
  readonly name: string | null;
  readonly home: string | null;
}

/**
 * `--user` NAME|UID[:GROUP|GID], looked up in /etc/passwd and /etc/group of the container's root. Without it: the
 * caller in a sandbox of the host, else root. Throws a BrunError.
 */
export function sandboxUser(options: SandboxOptions, view: HostView): SandboxUser {
  const base = options.root.kind === "host" ? "" : options.root.path;
  const passwd = rootText(options, view, "/etc/passwd");
  const group = rootText(options, view, "/etc/group");
  const { caller } = view;
  const given = options.user ?? (isCaller(options) ? `${caller.uid}:${caller.gid}` : "0");
  const [who = "", wanted] = given.split(":");
  const entry = fieldsOf(passwd ?? "", who);
  const uid = isId(who) ? Number(who) : entry && Number(entry[2]);
  if (uid === undefined) {
    throw new BrunError(`no user "${who}" in ${base}/etc/passwd`, {
      where: "--user",
      hint: passwd === null ? NO_FILE : "a name from there, or a uid",
    });
  }
  const gid = wanted === undefined ? Number(entry?.[3] ?? 0) : groupId(wanted, group, base);
  const additionalGids =
    options.user === undefined || entry === undefined ? [] : groupsOf(entry[0]!, gid, group ?? "");
  return {
    user: { uid, gid, ...(additionalGids.length > 0 && { additionalGids }) },
    name: entry?.[0] ?? null,
    home: entry?.[5] || null,
  };
}

/** Whether the program is the caller's unless `--user` says otherwise: where the caller has its own ids inside. */
function isCaller({ root, userns }: SandboxOptions): boolean {
  return root.kind === "host" || userns === "keep-id";
}

const NO_FILE = "there is no such file, or it is no regular one of at most 16 MiB; a uid and gid do without";

/** A file of the root. Another root's is not trusted: its links lead nowhere outside of it, and it may never end. */
function rootText({ root }: SandboxOptions, view: HostView, path: string): string | null {
  return root.kind === "host" ? view.text(path) : view.textInRoot(root.path, path);
}

function isId(text: string): boolean {
  return /^\d{1,10}$/.test(text) && Number(text) < 0xffffffff;
}

/** The fields of the line whose name, or else whose id, this is. */
function fieldsOf(text: string, key: string): string[] | undefined {
  const lines = text.split("\n").map((line) => line.split(":"));
  return lines.find(([name]) => name === key && key !== "") ?? lines.find((fields) => fields[2] === key);
}

function groupId(group: string, text: string | null, base: string): number {
  const gid = isId(group) ? Number(group) : Number(fieldsOf(text ?? "", group)?.[2] ?? Number.NaN);
  if (Number.isNaN(gid)) {
    throw new BrunError(`no group "${group}" in ${base}/etc/group`, {
      where: "--user",
      hint: text === null ? NO_FILE : "a name from there, or a gid",
    });
  }
  return gid;
}

/** Groups that list the user as a member, and its own before them; none when there are none. */
function groupsOf(name: string, gid: number, group: string): number[] {
  const lines = group.split("\n").map((line) => line.split(":"));
  const gids = lines
    .filter((fields) => fields[3]?.split(",").includes(name))
    .map((fields) => Number(fields[2]));
  return gids.length === 0 ? [] : [...new Set([gid, ...gids])];
}

/** Maps of a sandbox. */
export interface SandboxMaps {
  readonly uidMappings: IDMapping[];
  readonly gidMappings: IDMapping[];
}

/**
 * In a sandbox of the host the caller stays who it is, and needs no other ids: it has mounted everything itself, and so
 * reaches what it reaches outside, whatever groups that belongs to. Another user of the host is one of the subordinate
 * ids around it. Null for the default, in which the caller is root inside: with another root, or when --user asks for
 * root.
 */
export function sandboxMaps(options: SandboxOptions, view: HostView, user: User): SandboxMaps | null {
  const { caller } = view;
  if (!view.rootless || options.root.kind !== "host" || user.uid === 0 || caller.uid === 0) return null;
  const itself = user.uid === caller.uid && user.gid === caller.gid;
  if (options.userns === "single" && !itself) {
    throw new BrunError("the caller alone is mapped, so it can only be you, or root", { where: "--user" });
  }
  if (itself && (options.userns === "auto" || options.userns === "single")) return aloneMaps(view, user);
  const maps = keptIds(options, view);
  checkMapped("uid", user.uid ?? 0, maps.uid);
  checkMapped("gid", user.gid ?? 0, maps.gid);
  const toMapping = (m: IdMap) => ({ containerID: m.containerId, hostID: m.hostId, size: m.size });
  return { uidMappings: maps.uid.map(toMapping), gidMappings: maps.gid.map(toMapping) };
}

/** The caller's own ids, and its subordinate ones around them: they have to be there only when a flag asks for them. */
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
    hint: `root can add some to /etc/sub${kind}; brun doctor shows those that you have`,
  });
}

/** Whether the caller's own id is the only one, and so the owner of all that is made. */
export function isAlone(maps: SandboxMaps | null): boolean {
  return maps !== null && maps.uidMappings.length === 1 && maps.uidMappings[0]!.size === 1;
}

/**
 * Maps of the caller alone, as itself or as root: a file system by FUSE lets nobody else in. Throws a BrunError when
 * someone else is to run the program.
 */
export function aloneMaps(view: HostView, { uid = 0, gid = 0 }: User): SandboxMaps {
  const { caller } = view;
  if (uid !== 0 && (uid !== caller.uid || gid !== caller.gid)) {
    throw new BrunError("with fuse-overlayfs it can only be you, or root", { where: "--user" });
  }
  const one = (containerID: number, hostID: number) => [{ containerID, hostID, size: 1 }];
  return { uidMappings: one(uid, caller.uid), gidMappings: one(uid === 0 ? 0 : gid, caller.gid) };
}
