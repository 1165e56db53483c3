/** Entering and making namespaces, and the id maps of a new user namespace. */
import { isMapped, mapText } from "../../rootless/idmap.ts";
import { tellingNamespace } from "../config/namespaces.ts";
import type { ContainerConfig } from "../config/types.ts";

import { Message } from "../plan/abi.ts";
import { Hole } from "../plan/file-abi.ts";
import { ANY, type Slot } from "../plan/program.ts";
import { AF, CLONE, IOCTL, SOCK } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { AT_FDCWD, O } from "../sys/fs.ts";
import { any, each, mapped } from "../sys/lists.ts";
import { utf8, utf8Length } from "../sys/utf8.ts";
import { hide, hideAgain, type InitContext, type ProcessContext } from "./context.ts";
import { tryEarly } from "./retry.ts";
import { timeOfJoinedUser } from "./time.ts";
import { writeTo } from "./write.ts";

/**
 * Joins the namespaces given by path, then clones into the new ones. All paths are opened first: a path such as
 * /proc/PID/ns/net may be out of reach from inside another user namespace.
 */
export function enterNamespaces(x: InitContext, cgroup: Slot | null): void {
  const { b, config } = x;
  const opened = mapped(config.joins, (join) => {
    b.at(join.where, { kind: "openNamespace", path: join.path });
    return { join, fd: b.get("openat", [AT_FDCWD, b.str(join.path), O.RDONLY | O.CLOEXEC, 0]) };
  });
  // The mount namespace comes last. Joining a user namespace gives the right to join the namespaces that it owns,
  // and takes away the right to join others. So the others are tried before.
  const rank = (flag: number) => (flag === CLONE.NEWUSER ? 0 : flag === CLONE.NEWNS ? 2 : 1);
  opened.sort((a, z) => rank(a.join.flag) - rank(z.join.flag));
  const joinsUser = opened[0]?.join.flag === CLONE.NEWUSER;
  dropGroups(x);
  const makeTime = joinsUser ? timeOfJoinedUser(x) : null;
  // Hidden before it joins: root of a user namespace may trace every process in it.
  if (joinsUser) {
    b.at("linux.namespaces", { kind: "hide" });
    hide(x);
  }
  const early = mapped(opened.slice(1), ({ join, fd }) => {
    b.at(join.where, { kind: "joinNamespace", path: join.path });
    return joinsUser ? tryEarly(x, "setns", [fd, join.flag], [E.EPERM]) : null;
  });
  each(opened, ({ join, fd }, i) => {
    b.at(join.where, { kind: "joinNamespace", path: join.path });
    const retry = early[i - 1];
    if (retry) retry();
    else b.sys("setns", [fd, join.flag]);
    if (join.flag === CLONE.NEWUSER) hideAgain(x);
    b.close(fd);
  });
  makeTime?.();
  b.at("linux.namespaces", { kind: "cloneInto" });
  // The time namespace is made later: its clocks have to be set before a process is in it.
  b.clone(config.cloneFlags & ~(CLONE.NEWTIME | lateIpc(config) | lateNetwork(config)), cgroup);
  if (cgroup !== null) b.close(cgroup);
}

/**
 * Sends brun the namespace that identifies the container's processes at the end. brun could not open it itself
 * before execve, since the stage's executable belongs to the caller's user namespace.
 */
export function tellNamespace({ b, config }: InitContext): void {
  const type = tellingNamespace(config);
  if (type === null) return;
  b.at("linux.namespaces", { kind: "tellNamespace" });
  const fd = b.get("openat", [AT_FDCWD, b.str(`/proc/self/ns/${type}`), O.RDONLY | O.CLOEXEC, 0]);
  b.send(Message.namespace, fd, 0);
  b.close(fd);
}

/**
 * Drops root's groups before joining a user namespace that denies setgroups(2), in which they could not be
 * dropped.
 */
export function dropGroups(x: ProcessContext): void {
  if (!x.config.dropGroups) return;
  x.b.at("process.user.additionalGids", { kind: "dropGroups" });
  x.b.sys("setgroups", [0, null]);
}

/**
 * Opens the cgroup to clone into. This happens before joining a user namespace in which the cgroup could not be
 * reached. If there is none to clone into, the stage enters the cgroups here: the kernel may take 10 ms for that,
 * and brun goes on compiling meanwhile. systemd has put the stage into its unit already.
 */
export function enterCgroup(x: InitContext): Slot | null {
  const { b, config } = x;
  const { cgroup, cloneInto } = config;
  if (cloneInto === null) {
    if (cgroup === null || cgroup.systemd !== undefined) return null;
    for (const name in cgroup.paths) {
      const directory = cgroup.paths[name]!;
      b.at("linux.cgroupsPath", { kind: "enterCgroup", path: directory });
      writeTo(x, `${directory}/cgroup.procs`, "0");
    }
    return null;
  }
  b.at("linux.cgroupsPath", { kind: "openCgroup", path: cloneInto });
  return b.get("openat", [AT_FDCWD, b.str(cloneInto), O.PATH | O.DIRECTORY | O.CLOEXEC, 0]);
}

/** Maps the ids of a new user namespace: the process does it itself if it may, otherwise brun does. */
export function mapIds(x: InitContext): void {
  const { b, config } = x;
  if (config.maps === null) return;
  if (!config.selfMapped) {
    awaitMaps(x);
    return;
  }
  b.at("linux.gidMappings", { kind: "denySetgroups" });
  writeTo(x, "/proc/self/setgroups", "deny");
  b.at("linux.uidMappings", { kind: "writeUidMap" });
  writeTo(x, "/proc/self/uid_map", mapText(config.maps.uid));
  b.at("linux.gidMappings", { kind: "writeGidMap" });
  writeTo(x, "/proc/self/gid_map", mapText(config.maps.gid));
}

/**
 * NEWNET if the network namespace is made while brun maps the ids, otherwise 0. It takes the kernel longer than all
 * the others, and needs no ids.
 */
function lateNetwork({ cloneFlags, maps, selfMapped }: ContainerConfig): number {
  return maps !== null && !selfMapped ? cloneFlags & CLONE.NEWNET : 0;
}

/** Has brun map the ids, and meanwhile makes the network namespace. If that fails, it is said when the ids are mapped. */
function awaitMaps(x: InitContext): void {
  const { b, config } = x;
  const late = lateNetwork(config);
  b.at("linux.uidMappings", { kind: "awaitMaps" });
  if (late === 0) {
    b.send(Message.map, null, Message.resume);
    return;
  }
  b.send(Message.map, null, 0);
  b.at("linux.namespaces", { kind: "makeNetwork" });
  const retry = tryEarly(x, "unshare", [late], [ANY]);
  b.at("linux.uidMappings", { kind: "awaitMaps" });
  b.await(Message.resume);
  b.at("linux.namespaces", { kind: "makeNetwork" });
  retry();
}

/**
 * Becomes root of the user namespace, so that new files have a mapped owner. The caller's supplementary groups
 * stay until the process becomes its user, since sources of mounts may be reachable only through them.
 */
export function becomeRoot(x: InitContext): void {
  const { b, config } = x;
  const joinsUser = any(config.joins, (join) => join.flag === CLONE.NEWUSER);
  if (config.maps === null && !joinsUser) return;
  // A map of the caller's own id to itself has no root. The capabilities are enough there.
  if (config.maps !== null && !isMapped(config.maps.uid, 0)) return;
  b.at("linux.uidMappings", { kind: "becomeRoot" });
  b.sys("setresgid", [0, 0, 0]);
  hideAgain(x);
  b.sys("setresuid", [0, 0, 0]);
  hideAgain(x);
}

/** Annotation: with the value "try", a host name that may not be set is left out. */
const HOSTNAME_ANNOTATION = "org.brun.hostname";

/** Errnos of a filter around brun. */
const REFUSED = [E.EPERM, E.ENOSYS];

/** Sets hostname and domainname. */
export function names(x: InitContext): void {
  const { b, config } = x;
  const { hostname, domainname, annotations } = config.spec;
  const policy = annotations?.[HOSTNAME_ANNOTATION] === "try" ? { handle: REFUSED } : {};
  if (hostname) {
    b.at("hostname", { kind: "setHostname", value: hostname });
    const text = hostname === config.id ? b.hole(Hole.id, hostname) : b.str(hostname);
    b.sys("sethostname", [text, utf8Length(hostname)], policy);
  }
  if (domainname) {
    b.at("domainname", { kind: "setDomainname", value: domainname });
    b.sys("setdomainname", [b.str(domainname), utf8Length(domainname)]);
  }
}

const IFF_UP_RUNNING = 0x41;

/** Brings the loopback interface of a new network namespace up. */
export function loopback(x: InitContext): void {
  const { b, config } = x;
  if ((config.cloneFlags & CLONE.NEWNET) === 0) return;
  b.at("linux.namespaces", { kind: "loopback" });
  const request = new Uint8Array(40);
  request.set(utf8("lo"));
  new DataView(request.buffer).setUint16(16, IFF_UP_RUNNING, true);
  const socket = b.get("socket", [AF.INET, SOCK.DGRAM | SOCK.CLOEXEC, 0]);
  b.sys("ioctl", [socket, IOCTL.SIOCSIFFLAGS, b.bytes(request, "{lo, IFF_UP|IFF_RUNNING}")]);
  b.close(socket);
}

/**
 * NEWIPC if the ipc namespace has to be made late, otherwise 0. The namespace's mqueue file system belongs to the
 * process that makes it. If the caller has no id in the container, the container's root has to make it.
 */
function lateIpc(config: ContainerConfig): number {
  return config.openSources ? config.cloneFlags & CLONE.NEWIPC : 0;
}

/** Makes the ipc namespace if it has not been made with the others. */
export function ipcNamespace(x: InitContext): void {
  if (lateIpc(x.config) === 0) return;
  x.b.at("linux.namespaces", { kind: "makeIpcNamespace" });
  x.b.sys("unshare", [CLONE.NEWIPC]);
}

const KEYCTL_JOIN_SESSION_KEYRING = 1;
const KEYCTL_CAPABILITIES = 31;

/** Pauses in ms before joining is tried again: the keys of ended processes leave the quota a moment later. */
const KEYRING_PAUSES = [20, 200] as const;

/**
 * Gives the container a session keyring of its own, so that the caller's keys stay outside (session-keyring(7)).
 * It has no name: a process in the same user namespace could have made a keyring of that name, and the kernel
 * would join that one.
 *
 * Without a keyring creating fails, as with runc, except where a filter around brun refuses keyctl(2) altogether.
 * The container's processes have the same filter, and cannot use the caller's keys either.
 */
export function sessionKeyring(x: ProcessContext): void {
  if (!x.config.newKeyring) return;
  const { b } = x;
  b.at("--no-new-keyring", { kind: "joinKeyring" });
  const join = [KEYCTL_JOIN_SESSION_KEYRING, null] as const;
  const refused = b.label();
  const done = b.label();
  b.sys("keyctl", join, { handle: [ANY], orElse: refused, andThen: done });
  b.mark(refused);
  // The kernel always answers this call (Linux 5.5), so only a filter can refuse it.
  b.sys("keyctl", [KEYCTL_CAPABILITIES, null, 0], { handle: [ANY], orElse: done });
  for (const pause of KEYRING_PAUSES) {
    const time = new BigInt64Array([0n, BigInt(pause) * 1_000_000n]);
    b.sys("nanosleep", [b.bytes(new Uint8Array(time.buffer), `${pause} ms`), null], { handle: [ANY] });
    b.sys("keyctl", join, { handle: [ANY], andThen: done });
  }
  b.sys("keyctl", join);
  b.mark(done);
}

/** Whether there are linux.netDevices. */
export function movesNetDevices({ spec }: ContainerConfig): boolean {
  const devices = spec.linux?.netDevices;
  return devices !== undefined && Object.keys(devices).length > 0;
}

/** Lets brun move linux.netDevices, and set them up through a socket of the container's namespace. */
export function netDevices(x: InitContext): void {
  if (!movesNetDevices(x.config)) return;
  const { b } = x;
  b.at("linux.netDevices", { kind: "netDevices" });
  const socket = b.get("socket", [AF.NETLINK, SOCK.RAW | SOCK.CLOEXEC, 0]);
  b.send(Message.network, socket, Message.resume);
  b.close(socket);
}
