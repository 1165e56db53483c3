/**
 * Sets the owners of unpacked files: the ids in the archive. If only one id is mapped, the caller owns all
 * files, and an extended attribute has the id of the archive.
 */

import { type IdMap, isMapped, parseMap } from "../../../rootless/idmap.ts";
import { BrunError } from "../../errors.ts";
import { E } from "../../sys/errno.ts";
import { check } from "../../sys/error.ts";
import { cstr, NR, syscall } from "../../sys/ffi.ts";
import { AT_SYMLINK_NOFOLLOW, readText } from "../../sys/fs.ts";
import { xattrNames } from "./attributes.ts";
import type { Attributes } from "./written-tree.ts";

/** The extended attribute with which unpackers without root note a file's owner (rootlesscontaine.rs). */
export const NOTE = "user.rootlesscontainers";

/** Extended attributes that are dropped: labels of another machine, and those of overlayfs. */
export const DROPPED = /^(?:trusted\.|user\.overlay\.|security\.(?!capability$))/;

/** Gives files their owner and attributes. */
export class Owner {
  private constructor(
    private readonly maps: { readonly uid: readonly IdMap[]; readonly gid: readonly IdMap[] },
    /** Whether only one id is mapped. */
    private readonly single: boolean,
  ) {}

  /** Reads the ids of this process's user namespace. Needs /proc. */
  static ofThisProcess(): Owner {
    const uid = parseMap(readText("/proc/self/uid_map"));
    const gid = parseMap(readText("/proc/self/gid_map"));
    return new Owner({ uid, gid }, uid.length === 1 && uid[0]!.size === 1);
  }

  /** Whether new files of this process have this owner already. */
  private isOwn({ uid, gid }: Pick<Attributes, "uid" | "gid">): boolean {
    return this.single || (uid === 0 && gid === 0);
  }

  /** Checks the result of chown(2). Throws a BrunError or SysError. */
  private checkOwner(result: number, path: string, attributes: Pick<Attributes, "uid" | "gid">): void {
    if (result === -E.EINVAL) this.refuse(path, attributes);
    if (result === -E.EPERM || result === -E.EOPNOTSUPP) {
      throw new BrunError(`the file system of the images lets no other ids own files, as ${path} needs it`, {
        code: "ERR_IDS",
        hint: "XDG_DATA_HOME on another file system, which is not NFS or FAT; --userns=single has one id own all files",
      });
    }
    check(result, `change the owner of ${path}`);
  }

  /** Refuses an owner in the archive for whom there is no id. Throws a BrunError. */
  private refuse(path: string, { uid, gid }: Pick<Attributes, "uid" | "gid">): void {
    const [kind, id] = isMapped(this.maps.uid, uid) ? ["group", gid] : ["user", uid];
    throw new BrunError(`${path} belongs to ${kind} ${id}, which is beyond your subordinate ids`, {
      code: "ERR_IDS",
      hint: "--userns=single has one id own all files; root can add more to /etc/subuid and /etc/subgid",
    });
  }

  /**
   * Gives an open file or directory its owner, mode and extended attributes.
   * @param made "with its mode" and "now": this process has just made it; "before": it existed and may have
   * other attributes
   * @throws SysError or BrunError
   */
  apply(
    fd: number,
    path: string,
    attributes: Attributes,
    made: "with its mode" | "now" | "before" = "now",
  ): void {
    if (made === "before" ? !this.single : !this.isOwn(attributes)) {
      this.checkOwner(syscall(NR.fchown, fd, attributes.uid, attributes.gid), path, attributes);
    }
    // chown(2) clears setuid and setgid.
    if (made !== "with its mode" || (attributes.mode & 0o7000) !== 0) {
      check(syscall(NR.fchmod, fd, attributes.mode), `change the mode of ${path}`);
    }
    if (made === "before") {
      for (const name of xattrNames(fd))
        if (name === NOTE || !DROPPED.test(name)) syscall(NR.fremovexattr, fd, cstr(name));
    }
    this.setXattrs(fd, path, attributes);
  }

  /** Gives a symbolic link or FIFO its owner. Throws a SysError or BrunError. */
  applyAt(parent: number, name: string, path: string, attributes: Attributes): void {
    if (this.isOwn(attributes)) return;
    const { uid, gid } = attributes;
    const result = syscall(NR.fchownat, parent, cstr(name), uid, gid, AT_SYMLINK_NOFOLLOW);
    this.checkOwner(result, path, attributes);
  }

  private setXattrs(fd: number, path: string, attributes: Attributes): void {
    const { uid, gid, xattrs } = attributes;
    for (const [name, value] of xattrs) {
      if (DROPPED.test(name)) continue;
      const result = syscall(NR.fsetxattr, fd, cstr(name), value, value.length, 0);
      // Programs need their capabilities. Other attributes are left out if the file system does not support
      // them.
      if (result < 0 && (name === "security.capability" ? !this.single : result !== -E.EOPNOTSUPP)) {
        check(result, `set ${name} of ${path}`);
      }
    }
    if (this.single && (uid !== 0 || gid !== 0)) {
      const note = ownerNote(uid, gid);
      syscall(NR.fsetxattr, fd, cstr(NOTE), note, note.length, 0);
    }
  }
}

/** The owner in a note; null if the note is invalid. */
export function readNote(bytes: Uint8Array): { uid: number; gid: number } | null {
  const ids = { uid: 0, gid: 0 };
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at++]!;
    if (tag !== 8 && tag !== 16) return null;
    let id = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 28) return null;
      id = (id | ((byte & 0x7f) << shift)) >>> 0;
      if (byte < 0x80) break;
    }
    ids[tag === 8 ? "uid" : "gid"] = id;
  }
  return ids;
}

/** Encodes protobuf's message Resource { uint32 uid = 1; uint32 gid = 2; }. 0 is omitted. */
function ownerNote(uid: number, gid: number): Uint8Array {
  const bytes: number[] = [];
  for (const [field, id] of [
    [1, uid],
    [2, gid],
  ] as const) {
    if (id === 0) continue;
    bytes.push(field << 3);
    let rest = id >>> 0;
    for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
    bytes.push(rest);
  }
  return new Uint8Array(bytes);
}
