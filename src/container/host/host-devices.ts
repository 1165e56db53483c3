/**
 * Makes devices for a container in a user namespace, which may not make any itself, as root of the host, if the host has none
 * to bind. Not on the hot path: import it lazily.
 */
import { type IdMaps, toHost } from "../../../rootless/idmap.ts";
import { BrunError } from "../../errors.ts";
import { DEVICE_TYPES, deviceNumber } from "../../init/devices.ts";
import { type Program, ProgramBuilder } from "../../plan/program.ts";
import type { Device } from "../../spec/index.ts";
import { Message } from "../../stage/messages.ts";
import { Session } from "../../stage/session.ts";
import { CLONE, MS, OPEN_TREE_CLOEXEC, OPEN_TREE_CLONE } from "../../sys/constants.ts";
import { cstr, NR, syscall } from "../../sys/ffi.ts";
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, S } from "../../sys/fs.ts";
import { each } from "../../sys/lists.ts";

/**
 * Makes the devices that the host does not have at their paths.
 * @returns paths of mounts of them by index, good for as long as this process
 * Throws a BrunError.
 */
export function hostDevices(devices: readonly Device[], maps: IdMaps): Map<number, string> {
  const made = new Map<number, string>();
  const missing: number[] = [];
  each(devices, (device, i) => {
    if (device.type !== "p" && device.path !== "/dev/ptmx" && !isThere(device)) missing.push(i);
  });
  if (missing.length === 0) return made;
  const program = makingProgram(devices, missing, maps);
  const session = new Session(() => [program], {
    alone: true,
    lost: "the stage that makes devices has ended",
  });
  try {
    session.send(program);
    for (const index of missing) {
      made.set(index, `/proc/${syscall(NR.getpid)}/fd/${session.until(Message.device)}`);
      session.resume();
    }
    return made;
  } finally {
    session.end();
  }
}

const STATX_BASIC_STATS = 0x7ff;

/** Whether the host has this very device there. */
function isThere({ path, type, major, minor }: Device): boolean {
  const status = new Uint32Array(64);
  if (syscall(NR.statx, AT_FDCWD, cstr(path), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, status) < 0)
    return false;
  // stx_mode, stx_rdev_major and stx_rdev_minor.
  const [mode, itsMajor, itsMinor] = [status[0x1c / 4]! & 0xffff, status[0x80 / 4], status[0x84 / 4]];
  return (mode & S.IFMT) === DEVICE_TYPES[type] && itsMajor === Number(major) && itsMinor === Number(minor);
}

/** Makes devices on a private tmpfs, and sends a mount of each. */
function makingProgram(devices: readonly Device[], missing: readonly number[], maps: IdMaps): Program {
  const b = new ProgramBuilder(true);
  b.at("linux.devices", { kind: "devicesApart" });
  b.sys("unshare", [CLONE.NEWNS]);
  b.sys("mount", [null, b.str("/"), null, MS.REC | MS.PRIVATE, null]);
  b.sys("mount", [
    b.str("tmpfs"),
    b.str("/dev"),
    b.str("tmpfs"),
    MS.NOSUID | MS.NOEXEC,
    b.str("mode=755,size=64k"),
  ]);
  b.sys("umask", [0]);
  for (const index of missing) {
    const { path, type, major, minor, fileMode = 0o666, uid = 0, gid = 0 } = devices[index]!;
    const owner = [toHost(maps.uid, uid), toHost(maps.gid, gid)] as const;
    if (owner[0] === null || owner[1] === null)
      throw new BrunError(`the owner ${uid}:${gid} of ${path} is not mapped`, {
        where: `linux.devices[${index}]`,
      });
    b.at(`linux.devices[${index}]`, { kind: "makeDevice", path });
    const name = b.str(`/dev/${index}`);
    const mode = DEVICE_TYPES[type]! | (fileMode & 0o7777);
    b.sys("mknodat", [AT_FDCWD, name, mode, deviceNumber(Number(major ?? 0), Number(minor ?? 0))]);
    b.sys("fchownat", [AT_FDCWD, name, owner[0], owner[1], AT_SYMLINK_NOFOLLOW]);
    const tree = b.get("open_tree", [AT_FDCWD, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC]);
    b.send(Message.device, tree, Message.resume);
    b.close(tree);
  }
  return b.finish();
}
