/** User namespaces and what can be done in one, each tried out. */

import type { Caller } from "../../rootless/caller.ts";
import { rangesObstacle } from "../../rootless/default-ids.ts";
import type { Subids } from "../../rootless/subid.ts";
import { type InitContext, MOUNT_ATTR_SIZE } from "../init/context.ts";
import { loopback } from "../init/namespaces.ts";
import {
  AT_RECURSIVE,
  MOUNT_ATTR,
  MOVE_MOUNT_F_EMPTY_PATH,
  MS,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from "../sys/constants.ts";
import { E, errnoText } from "../sys/errno.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { AT_EMPTY_PATH, AT_FDCWD, close, exists, O, open } from "../sys/fs.ts";
import { refusalOf } from "../sys/refused-calls.ts";
import { type Finding, remedyOf, Subject } from "./finding.ts";
import { attempt, type Trial } from "./trial.ts";

/** A directory to mount on, in the mount namespace of the trial. */
const SCRATCH = ["/tmp", "/run"].find(exists) ?? "/usr";

/**
 * The user namespace with the caller's id alone.
 * @param hostRoot the caller is root of the host, and can do without
 */
export function userNamespace(caller: Caller, hostRoot: boolean): Finding {
  const subject = new Subject("user-namespace", "every container without root is in one", caller);
  const error = attempt({ caller });
  return error === null
    ? subject.ok("user and mount namespaces can be made")
    : subject[hostRoot ? "warn" : "fail"](error.message, remedyOf(error));
}

/** The maps that a container gets. */
export function idMaps(caller: Caller, subids: Subids): Finding {
  const subject = new Subject(
    "id-maps",
    "images have files of several users, and programs in them change to other users",
    caller,
  );
  const count = (kind: "uid" | "gid") => subids[kind].reduce((sum, range) => sum + range.size, 1);
  if (count("uid") === 1 || count("gid") === 1) {
    return subject.warn("one id is mapped: the caller has no subordinate ids", null);
  }
  const obstacle = rangesObstacle(caller, subids);
  // A broken newuidmap is another finding, with its own remedy.
  if (obstacle !== null) return subject.warn(`one id is mapped: ${obstacle}`, null);
  const error = attempt({ caller, subids });
  return error === null
    ? subject.ok(`${count("uid")} user ids and ${count("gid")} group ids can be mapped`)
    : subject.warn(error.message, remedyOf(error));
}

/**
 * Further trials in a user namespace.
 * @param asHostRoot there is none, and root's containers do without
 */
export function inNamespaces(caller: Caller, asHostRoot: boolean): Finding[] {
  const subject = (id: string, why: string) => new Subject(id, why, caller);
  const graded = (
    of: Subject,
    trial: Omit<Trial, "caller">,
    state: "warn" | "fail",
    found: string,
  ): Finding => {
    const error = attempt({ caller, asHostRoot, ...trial });
    return error === null ? of.ok(found) : of[state](error.message, remedyOf(error));
  };
  return [
    graded(
      subject("namespaces", "they separate a container from the host"),
      { namespaces: ["pid", "ipc", "uts", "cgroup", "network"], build: loopback },
      "fail",
      "pid, ipc, uts, cgroup and network namespaces can be made",
    ),
    graded(
      subject("hostname", "a config may give the container a host name"),
      { namespaces: ["uts"], build: setHostName },
      "warn",
      "it can be set",
    ),
    graded(
      subject("proc", "containers have a /proc of their own"),
      { namespaces: ["pid"], build: mountProc },
      "warn",
      "procfs can be mounted in a pid namespace",
    ),
    graded(
      subject("mounts", "root file system, volumes, read-only and masked paths"),
      { build: mountTree },
      "fail",
      "mounts can be copied, made read-only and moved",
    ),
    graded(
      subject("overlay", "a copy-on-write root file system without copying it"),
      { build: mountOverlay },
      "warn",
      `overlayfs can be mounted${asHostRoot ? "" : " in a user namespace"}`,
    ),
    ...(asHostRoot ? [] : [idmappedMounts(caller)]),
  ];
}

function setHostName({ b }: InitContext): void {
  b.at("hostname", { kind: "setHostname", value: "doctor" });
  b.sys("sethostname", [b.str("doctor"), "doctor".length]);
}

function mountProc({ b }: InitContext): void {
  b.at("", { kind: "mount", fsType: "proc", target: "/proc" });
  b.sys("mount", [b.str("proc"), b.str("/proc"), b.str("proc"), 0, null]);
}

function mountTree({ b }: InitContext): void {
  const [scratch, empty] = [b.str(SCRATCH), b.str("")];
  b.at("", { kind: "bind", source: SCRATCH, target: "itself, read-only" });
  // With the mounts below it, because a user namespace may not uncover what they hide.
  const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE;
  const tree = b.get("open_tree", [AT_FDCWD, scratch, flags]);
  const attr = new BigUint64Array([BigInt(MOUNT_ATTR.RDONLY), 0n, 0n, 0n]);
  const bytes = b.bytes(new Uint8Array(attr.buffer), "{set=RDONLY}");
  // Without it the flags are set by mount(2); kernel.ts says so.
  const lacks = refusalOf("mount_setattr") !== 0;
  if (!lacks) b.sys("mount_setattr", [tree, empty, AT_EMPTY_PATH, bytes, MOUNT_ATTR_SIZE]);
  b.sys("move_mount", [tree, empty, AT_FDCWD, scratch, MOVE_MOUNT_F_EMPTY_PATH]);
  if (lacks) b.remount(tree, MS.RDONLY, 0);
  b.at("", { kind: "makeRoot" });
  b.sys("pivot_root", [scratch, scratch]);
}

function mountScratch({ b }: InitContext): void {
  b.at("", { kind: "mount", fsType: "tmpfs", target: SCRATCH });
  b.sys("mount", [b.str("tmpfs"), b.str(SCRATCH), b.str("tmpfs"), 0, null]);
}

function mountOverlay(x: InitContext): void {
  const { b } = x;
  mountScratch(x);
  b.at("", { kind: "mount", fsType: "overlay", target: `${SCRATCH}/merged` });
  for (const name of ["lower", "upper", "work", "merged"]) {
    b.sys("mkdirat", [AT_FDCWD, b.str(`${SCRATCH}/${name}`), 0o700]);
  }
  const options = `lowerdir=${SCRATCH}/lower,upperdir=${SCRATCH}/upper,workdir=${SCRATCH}/work,userxattr`;
  b.sys("mount", [b.str("overlay"), b.str(`${SCRATCH}/merged`), b.str("overlay"), 0, b.str(options)]);
}

/** An id-mapped mount takes its ids from a user namespace, which a trial makes. */
function idmappedMounts(caller: Caller): Finding {
  const subject = new Subject(
    "idmapped-mounts",
    "mounts whose files have other owners in the container",
    caller,
  );
  if (!caller.privileged) return subject.ok("for containers of root; others have their user namespace");
  let fd = -1;
  const inspect = (pid: number) => {
    fd = open(`/proc/${pid}/ns/user`, O.RDONLY);
  };
  const error = attempt({ caller, inspect });
  if (error !== null) return subject.warn(error.message, remedyOf(error));
  const result = mapMount(fd);
  close(fd);
  if (result === 0) return subject.ok(`the ids of ${SCRATCH}'s file system can be mapped`);
  if (result === -E.EPERM) {
    return subject.warn(
      `the ids of ${SCRATCH}'s file system cannot be mapped: it belongs to another user namespace, or the caller lacks CAP_SYS_ADMIN`,
      null,
    );
  }
  return subject.warn(`the ids of ${SCRATCH}'s file system cannot be mapped: ${errnoText(-result)}`, {
    command: "boot Linux 5.12 or newer, and use ext4, xfs, btrfs or, from 6.3 on, tmpfs",
    as: "root",
  });
}

/** Maps the ids of a detached mount, which goes with its descriptor. Returns 0 or -errno. */
function mapMount(userNamespace: number): number {
  const empty = cstr("");
  const tree = syscall(NR.open_tree, AT_FDCWD, cstr(SCRATCH), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (tree < 0) return tree;
  const attr = new BigUint64Array([BigInt(MOUNT_ATTR.IDMAP), 0n, 0n, BigInt(userNamespace)]);
  const result = syscall(NR.mount_setattr, tree, empty, AT_EMPTY_PATH, attr, MOUNT_ATTR_SIZE);
  close(tree);
  return result;
}
