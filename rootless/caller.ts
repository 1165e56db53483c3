/** The user who runs brun: the ids for id maps, and whether this process may write any map. */
import { call, effectiveCapabilities, readTextIfThere } from "../src/host/ask.ts";
import { type IdMap, type IdMaps, parseMap } from "./idmap.ts";
import { userNameOf } from "./subid.ts";

/** The effective ids of this process in its own user namespace. */
export interface Caller {
  readonly uid: number;
  readonly gid: number;
  /** The name in /etc/passwd; null without an entry for this uid. */
  readonly userName: string | null;
  /** CAP_SETUID and CAP_SETGID are effective: the process may write any uid_map and gid_map itself. */
  readonly privileged: boolean;
}

/**
 * Whether setgroups(2) is denied in brun's user namespace, and so in those below it.
 * @param namespace path of another one; only paths /proc/PID/ns/user can be checked, others count as not denied
 */
export function setgroupsDenied(namespace?: string): boolean {
  const directory = namespace === undefined ? "/proc/self" : /^(\/proc\/\d+)\/ns\/user$/.exec(namespace)?.[1];
  if (directory === undefined) return false;
  return readTextIfThere(`${directory}/setgroups`)?.startsWith("deny") ?? false;
}

const CAP_SETGID = 6;
const CAP_SETUID = 7;
const CAP_NET_ADMIN = 12;
const CAP_SYS_ADMIN = 21;

/** The caller. Throws a SysError. */
export function currentCaller(): Caller {
  const uid = call("geteuid");
  return {
    uid,
    gid: call("getegid"),
    privileged: hasAll(SET_IDS),
    // Read only on demand, since a single-id map needs no name.
    get userName() {
      return userNameOf(readTextIfThere("/etc/passwd") ?? "", uid);
    },
  };
}

const SET_IDS = (1 << CAP_SETGID) | (1 << CAP_SETUID);
/**
 * The capabilities to make a container in the present user namespace: for namespaces and mounts, a
 * loopback device, other ids.
 */
const MAKE_CONTAINERS = SET_IDS | (1 << CAP_NET_ADMIN) | (1 << CAP_SYS_ADMIN);

/**
 * Whether this process has the effective capabilities to make containers without a user
 * namespace. Throws a SysError.
 */
export function mayMakeContainers(): boolean {
  return hasAll(MAKE_CONTAINERS);
}

/** @param wanted bits of capabilities, all below 32 */
function hasAll(wanted: number): boolean {
  return (effectiveCapabilities()[0] & wanted) === wanted;
}

const ALL: readonly IdMap[] = [{ containerId: 0, hostId: 0, size: 0xffffffff }];

/**
 * The id maps of brun's own user namespace; hostId is an id of its parent. If they cannot be
 * read, all ids are mapped.
 */
export function ownMaps(): IdMaps {
  const read = (kind: "uid" | "gid") => {
    const map = parseMap(readTextIfThere(`/proc/self/${kind}_map`) ?? "");
    return map.length === 0 ? ALL : map;
  };
  return { uid: read("uid"), gid: read("gid") };
}
