/** Who runs brun: the ids that id maps start from, and whether the kernel lets this process write any map. */
import { call, effectiveCapabilities, readTextIfThere } from "../src/host/ask.ts";
import { type IdMap, type IdMaps, parseMap } from "./idmap.ts";
import { userNameOf } from "./subid.ts";

/** The calling process's effective ids, as its own user namespace sees them. */
export interface Caller {
  readonly uid: number;
  readonly gid: number;
  /** From /etc/passwd; null when no entry has this uid. */
  readonly userName: string | null;
  /** CAP_SETUID and CAP_SETGID are effective: uid_map and gid_map may be written directly, with any ids. */
  readonly privileged: boolean;
}

/**
 * Whether setgroups(2) is denied in our user namespace, and so in those below it.
 * @param namespace path of another one: what /proc/PID/ns/user is of can be asked, other paths count as not denied
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
    // Read when it is asked for: a single-id map needs no name.
    get userName() {
      return userNameOf(readTextIfThere("/etc/passwd") ?? "", uid);
    },
  };
}

const SET_IDS = (1 << CAP_SETGID) | (1 << CAP_SETUID);
/** What making a container in one's own user namespace takes: namespaces and mounts, a loopback device, other ids. */
const MAKE_CONTAINERS = SET_IDS | (1 << CAP_NET_ADMIN) | (1 << CAP_SYS_ADMIN);

/** Whether the capabilities are effective by which root makes containers without a user namespace. Throws a SysError. */
export function mayMakeContainers(): boolean {
  return hasAll(MAKE_CONTAINERS);
}

/** @param wanted bits of capabilities below 32 */
function hasAll(wanted: number): boolean {
  return (effectiveCapabilities()[0] & wanted) === wanted;
}

const ALL: readonly IdMap[] = [{ containerId: 0, hostId: 0, size: 0xffffffff }];

/** The ids that the calling process's user namespace has; hostId is the parent's. All where that cannot be seen. */
export function ownMaps(): IdMaps {
  const read = (kind: "uid" | "gid") => {
    const map = parseMap(readTextIfThere(`/proc/self/${kind}_map`) ?? "");
    return map.length === 0 ? ALL : map;
  };
  return { uid: read("uid"), gid: read("gid") };
}
