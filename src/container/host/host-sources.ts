/**
 * Sources of bind mounts that have to be opened outside of the container's user namespace: id-mapped ones, and
 * those that the container's root cannot reach. Not on the hot path: import it lazily.
 */

import type { Caller } from "../../../rootless/caller.ts";
import { type IdMap, type IdMaps, mapText } from "../../../rootless/idmap.ts";
import { isBind, parseMountOptions } from "../../config/mount-options.ts";
import type { ContainerConfig, HostFacts } from "../../config/types.ts";
import { BrunError } from "../../errors.ts";
import { mappedByBrun } from "../../init/bind.ts";
import { type Program, ProgramBuilder } from "../../plan/program.ts";
import type { IDMapping, Mount } from "../../spec/index.ts";
import { Message } from "../../stage/messages.ts";
import { Session } from "../../stage/session.ts";
import { AT_RECURSIVE, CLONE, MOUNT_ATTR, MS } from "../../sys/constants.ts";
import { errnoText } from "../../sys/errno.ts";
import { cstr, NR, syscall } from "../../sys/ffi.ts";
import {
  AT_EMPTY_PATH,
  absolute,
  below,
  close,
  O,
  open,
  readlink,
  readText,
  tryOpen,
  tryStat,
  tryWriteExisting,
} from "../../sys/fs.ts";
import { any, each } from "../../sys/lists.ts";
import { mountPath } from "../../sys/mountinfo.ts";

/** Whether a mount maps ids. */
function isIdMapped(mount: Mount): boolean {
  if (mount.uidMappings?.length || mount.gidMappings?.length) return true;
  return any(mount.options, (option) => option === "idmap" || option === "ridmap");
}

/**
 * Finds those mounts and makes the user namespaces that id-mapped ones need, which live as long as this process.
 * @param user maps of the container's new user namespace, or the path of the one that it joins; null: neither
 * Throws a BrunError when the caller may not.
 */
export function hostSources(
  mounts: readonly Mount[],
  bundle: string,
  rootfs: string,
  user: IdMaps | string | null,
  caller: Caller,
): Pick<HostFacts, "idmaps" | "hostOnly"> {
  const idmaps = new Map<number, string>();
  const hostOnly = new Set<number>();
  const made = new Map<string, string>();
  each(mounts, (mount, i) => {
    const idMapped = isIdMapped(mount);
    if (idMapped) {
      const wanted = mappingsOf(mount) ?? user;
      if (!caller.privileged || wanted === null) throw refusal(i, caller);
      if (typeof wanted === "string") idmaps.set(i, wanted);
      else {
        const key = `${mapText(wanted.uid)}/${mapText(wanted.gid)}`;
        const path = made.get(key) ?? userNamespace(wanted, `mounts[${i}]`);
        made.set(key, path);
        idmaps.set(i, path);
      }
    }
    if (caller.privileged && typeof user === "object" && user !== null && mount.source !== undefined) {
      const source = absolute(mount.source, bundle);
      // In the user namespace the mounts below it could not be left out, because they are locked.
      const alone = isPlainBind(mount) && below(rootfs, source) === null && hasMounts(source);
      if (alone || !isReachable(source, user)) hostOnly.add(i);
    } else if (idMapped && typeof user === "string") {
      // brun does not know what root of that namespace can reach.
      hostOnly.add(i);
    }
  });
  return { idmaps, hostOnly };
}

/**
 * Maps the ids of a mount that the stage has sent; closes the descriptor.
 * @param order how many the stage has sent before: they come in the order of {@link mappedByBrun}
 * Throws a BrunError when the kernel refuses.
 */
export function mapTreeIds(config: ContainerConfig, tree: number, order: number): void {
  const index = mappedByBrun(config)[order]!;
  const { source, options = [] } = config.spec.mounts![index]!;
  const users = open(config.facts.idmaps!.get(index)!, O.RDONLY);
  const attributes = new BigUint64Array([BigInt(MOUNT_ATTR.IDMAP), 0n, 0n, BigInt(users)]);
  const flags = AT_EMPTY_PATH | (options.includes("ridmap") ? AT_RECURSIVE : 0);
  const result = syscall(NR.mount_setattr, tree, cstr(""), flags, attributes, attributes.byteLength);
  close(users);
  close(tree);
  if (result >= 0) return;
  throw new BrunError(`cannot map the ids of ${source}: ${errnoText(-result)}`, {
    where: `mounts[${index}]`,
  });
}

function refusal(index: number, caller: Caller): BrunError {
  const where = `mounts[${index}]`;
  if (caller.privileged)
    return new BrunError("idmap needs mappings, or a user namespace to take them from", { where });
  return new BrunError("only root may map the ids of the host's file systems", {
    where,
    hint: "run as root, or leave out idmap and the mount's mappings",
  });
}

function mappingsOf({ uidMappings, gidMappings }: Mount): IdMaps | null {
  if (!uidMappings?.length || !gidMappings?.length) return null;
  const toIdMap = (m: IDMapping): IdMap => ({ containerId: m.containerID, hostId: m.hostID, size: m.size });
  return { uid: uidMappings.map(toIdMap), gid: gidMappings.map(toIdMap) };
}

/** A user namespace with these maps; returns a path to it that is good for as long as this process. */
function userNamespace(maps: IdMaps, where: string): string {
  const compile = (record: boolean): Program => {
    const b = new ProgramBuilder(record);
    b.at(where, { kind: "makeUserNamespace" });
    b.sys("unshare", [CLONE.NEWUSER]);
    b.send(Message.map, null, Message.resume);
    return b.finish();
  };
  const session = new Session(() => [compile(true)], {
    alone: true,
    lost: "cannot make a user namespace for the ids of a mount",
  });
  try {
    session.send(compile(false));
    session.until(Message.map);
    for (const kind of ["uid", "gid"] as const) {
      const path = `/proc/${session.pid}/${kind}_map`;
      const result = tryWriteExisting(path, mapText(maps[kind]));
      if (result < 0)
        throw new BrunError(`cannot write the ${kind}Mappings of the mount: ${errnoText(-result)}`, {
          where,
        });
    }
    const fd = open(`/proc/${session.pid}/ns/user`, O.RDONLY);
    return `/proc/${syscall(NR.getpid)}/fd/${fd}`;
  } finally {
    session.end();
  }
}

/** Whether a mount binds one mount, without those below it. */
function isPlainBind(mount: Mount): boolean {
  const options = parseMountOptions(mount.options ?? []);
  return isBind(mount, options) && (options.flags & MS.REC) === 0;
}

/**
 * Whether something is mounted below a directory. Others are opened in the user namespace, where the flags that the
 * mount has on the host are locked.
 */
function hasMounts(path: string): boolean {
  const fd = tryOpen(path, O.PATH);
  if (fd < 0) return false;
  const directory = readlink(`/proc/self/fd/${fd}`);
  close(fd);
  return any(readText("/proc/self/mountinfo").split("\n"), (line) => {
    const point = mountPath(line.split(" ")[4] ?? "");
    return directory === "/" ? point.length > 1 : below(directory, point) !== null;
  });
}

/** Whether root of the host can get there without capabilities over files of ids that are not mapped. */
function isReachable(path: string, maps: IdMaps): boolean {
  const parts = path.split("/");
  for (let i = 1; i < parts.length; i++) {
    const stat = tryStat(parts.slice(0, i).join("/") || "/");
    if (typeof stat === "number") return true;
    const { uid, gid, mode } = stat;
    const bit = uid === 0 ? 0o100 : gid === 0 ? 0o10 : 1;
    const capable = owns(maps.uid, uid) && owns(maps.gid, gid);
    if ((mode & bit) === 0 && !capable) return false;
  }
  return true;
}

/** Whether an id of the host is in a map. */
function owns(map: readonly IdMap[], id: number): boolean {
  return any(map, ({ hostId, size }) => id >= hostId && id < hostId + size);
}
