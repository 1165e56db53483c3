/** /dev: the default devices, those of linux.devices, and the usual symbolic links (config-linux.md). */

import type { Slot } from "../plan/program.ts";
import type { Device } from "../spec/index.ts";
import { MOUNT_ATTR } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { AT_FDCWD, O, S } from "../sys/fs.ts";
import { any, each, foundLast, mapped } from "../sys/lists.ts";
import { IN_ROOT, type InitContext, OPEN_HOW_SIZE, openHow } from "./context.ts";
import { attach, cloneTree, setAttributes } from "./mount-tree.ts";
import { components, openTarget, relative } from "./path.ts";

/** The devices that every container has. */
export const defaultDevices: readonly Device[] = [
  { path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 0o666, uid: 0, gid: 0 },
  { path: "/dev/zero", type: "c", major: 1, minor: 5, fileMode: 0o666, uid: 0, gid: 0 },
  { path: "/dev/full", type: "c", major: 1, minor: 7, fileMode: 0o666, uid: 0, gid: 0 },
  { path: "/dev/random", type: "c", major: 1, minor: 8, fileMode: 0o666, uid: 0, gid: 0 },
  { path: "/dev/urandom", type: "c", major: 1, minor: 9, fileMode: 0o666, uid: 0, gid: 0 },
  { path: "/dev/tty", type: "c", major: 5, minor: 0, fileMode: 0o666, uid: 0, gid: 0 },
];

const links: readonly (readonly [string, string])[] = [
  ["/proc/self/fd", "fd"],
  ["/proc/self/fd/0", "stdin"],
  ["/proc/self/fd/1", "stdout"],
  ["/proc/self/fd/2", "stderr"],
  ["pts/ptmx", "ptmx"],
];

/** Whether /dev is a mount of the container's, or part of its root file system. A bound /dev is left alone. */
function ownsDev(x: InitContext): boolean {
  const dev = foundLast(x.config.spec.mounts ?? [], (m) => relative(m.destination) === "dev");
  if (dev === undefined) return true;
  return dev.type !== "bind" && !any(dev.options, (o) => o === "bind" || o === "rbind");
}

/** Compiles the devices and links. */
export function devices(x: InitContext): void {
  if (!ownsDev(x)) return;
  const listed = x.config.spec.linux?.devices ?? [];
  const names = new Set(mapped(listed, (d) => d.path));
  each(listed, (device, i) => {
    // As under runc, /dev/ptmx is always the one of the container's own devpts.
    if (device.path === "/dev/ptmx") return;
    addDevice(x, device, `linux.devices[${i}]`, x.devices?.get(i));
  });
  for (const device of defaultDevices) if (!names.has(device.path)) addDevice(x, device, "default devices");
  x.b.at("default devices", { kind: "devLinks" });
  const { b } = x;
  const dev = openDirectory(x, ["dev"]);
  for (const [target, name] of links) {
    b.sys("symlinkat", [b.str(target), dev, b.str(name)], { handle: [E.EEXIST] });
  }
  b.close(dev);
}

/** Opens (O_PATH) the directory of a device. Creates it if it is missing. */
function openDirectory(x: InitContext, parts: readonly string[]): Slot {
  return openTarget(x, parts.join("/"), { create: "dir" });
}

/** @param made a mount of the device, if the host has none to bind */
function addDevice(x: InitContext, device: Device, where: string, made?: Slot): void {
  const { b } = x;
  // Anyone may make a FIFO.
  if (x.config.privileged || device.type === "p") {
    b.at(where, { kind: "makeDevice", path: device.path });
    makeDevice(x, device);
  } else if (made !== undefined) {
    b.at(where, { kind: "bindDevice", path: device.path });
    attach(x, made, openTarget(x, device.path, { create: "file" }));
  } else {
    b.at(where, { kind: "bindHostDevice", path: device.path });
    bindDevice(x, device);
  }
}

/** Opens the devices that root of the host has made, while the host's procfs is still reachable. */
export function openMadeDevices(x: InitContext): void {
  x.config.facts.devices?.forEach((path, index) => {
    x.b.at(`linux.devices[${index}]`, { kind: "takeDevice" });
    x.devices ??= new Map();
    x.devices.set(index, x.b.get("openat", [AT_FDCWD, x.b.str(path), O.PATH | O.CLOEXEC, 0]));
  });
}

/**
 * For a caller that may not mknod(2): binds the host's device of the same path over an empty file. The mount is
 * noexec and nosuid; nodev would keep the device from being opened.
 */
function bindDevice(x: InitContext, device: Device): void {
  const tree = cloneTree(x, AT_FDCWD, device.path, false);
  setAttributes(x, tree, MOUNT_ATTR.NOSUID | MOUNT_ATTR.NOEXEC, 0, false);
  attach(x, tree, openTarget(x, device.path, { create: "file" }));
}

/** File type bits of linux.devices[].type. */
export const DEVICE_TYPES: Readonly<Record<string, number>> = {
  c: S.IFCHR,
  u: S.IFCHR,
  b: S.IFBLK,
  p: S.IFIFO,
};

/** A device number as mknod(2) takes it (dev_t). */
export function deviceNumber(major: number, minor: number): bigint {
  const [a, i] = [BigInt(major), BigInt(minor)];
  return (i & 0xffn) | ((a & 0xfffn) << 8n) | ((i & ~0xffn) << 12n) | ((a & ~0xfffn) << 32n);
}

function makeDevice(x: InitContext, device: Device): void {
  const { b } = x;
  const parts = components(device.path);
  const name = b.str(parts[parts.length - 1] ?? "");
  const directory = openDirectory(x, parts.slice(0, -1));
  const mode = (device.fileMode ?? 0o666) & 0o7777;
  const number = deviceNumber(Number(device.major ?? 0), Number(device.minor ?? 0));
  const exists = b.label();
  const done = b.label();
  b.sys("mknodat", [directory, name, (DEVICE_TYPES[device.type] ?? S.IFCHR) | mode, number], {
    handle: [E.EEXIST],
    orElse: exists,
  });
  b.sys("fchownat", [directory, name, device.uid ?? 0, device.gid ?? 0, 0x100], { andThen: done });
  b.mark(exists);
  // If the root file system has this device already, it is used, as by runc.
  const how = openHow(x, O.PATH | O.NOFOLLOW, IN_ROOT);
  const fd = b.get("openat2", [x.root, b.str(parts.join("/")), how, OPEN_HOW_SIZE]);
  const statx = b.reserve(256, "statx");
  b.sys("statx", [fd, b.str(""), 0x1000, 0x7ff, statx]);
  b.check(b.inside(statx, 0x1c), 2, S.IFMT, DEVICE_TYPES[device.type] ?? S.IFCHR, E.EEXIST);
  if (device.type !== "p") {
    b.check(b.inside(statx, 0x80), 4, 0xffffffffn, Number(device.major ?? 0), E.EEXIST);
    b.check(b.inside(statx, 0x84), 4, 0xffffffffn, Number(device.minor ?? 0), E.EEXIST);
  }
  b.close(fd);
  b.mark(done);
  b.close(directory);
}
