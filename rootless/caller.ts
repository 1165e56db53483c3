/** Who runs brun: the ids that id maps start from, and whether the kernel lets this process write any map. */
import { check } from "../src/sys/error.ts";
import { NR, syscall } from "../src/sys/ffi.ts";
import { readTextIfThere } from "../src/sys/fs.ts";
import { type IdMaps, parseMap } from "./idmap.ts";
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

/** The maps of the caller's own user namespace: an id that is not in them is none to mount with. */
export function ownMaps(): IdMaps {
  const map = (kind: "uid" | "gid") => parseMap(readTextIfThere(`/proc/self/${kind}_map`) ?? "");
  return { uid: map("uid"), gid: map("gid") };
}

const CAP_SETGID = 6;
const CAP_SETUID = 7;
const LINUX_CAPABILITY_VERSION_3 = 0x20080522;

/** The caller. Throws a SysError. */
export function currentCaller(): Caller {
  const uid = syscall(NR.geteuid);
  return {
    uid,
    gid: syscall(NR.getegid),
    privileged: maySetIds(),
    // Read when it is asked for: a single-id map needs no name.
    get userName() {
      return userNameOf(readTextIfThere("/etc/passwd") ?? "", uid);
    },
  };
}

function maySetIds(): boolean {
  const header = new Uint32Array([LINUX_CAPABILITY_VERSION_3, 0]);
  const data = new Uint32Array(6); // {effective, permitted, inheritable} twice: low and high 32 bits
  check(syscall(NR.capget, header, data), "capget");
  const both = (1 << CAP_SETGID) | (1 << CAP_SETUID);
  return (data[0]! & both) === both;
}
