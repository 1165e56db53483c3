/** The input and the result of a diagnosis. */

import type { Fix } from "../src/fix.ts";
import { ownCommand } from "../src/sys/environment.ts";
import { readTextIfThere, tryStat } from "../src/sys/fs.ts";
import { mountPath } from "../src/sys/mountinfo.ts";

/** A cause, and how to remove it. */
export interface Diagnosis {
  readonly cause: string;
  readonly fix: Fix;
}

/** The facts that a diagnosis asks for; a test gives fixtures. */
export interface HostView {
  /** The text of a file; null if it is missing or not readable. */
  readonly read: (path: string) => string | null;
  /** The identity of a file ("device:inode"), or null. */
  readonly identity: (path: string) => string | null;
  readonly uid: number;
  readonly gid: number;
  /** The path of this program's executable, which AppArmor's profiles refer to. */
  readonly executable: string;
}

/** The view of this machine for a process with these effective ids. */
export function hostView(uid: number, gid: number): HostView {
  return { uid, gid, executable: ownCommand()[0], read, identity };
}

function read(path: string): string | null {
  try {
    return readTextIfThere(path);
  } catch {
    return null; // not readable for this caller: no evidence either way
  }
}

function identity(path: string): string | null {
  const stat = tryStat(path);
  return typeof stat === "number" ? null : `${stat.devMajor}:${stat.devMinor}:${stat.ino}`;
}

/** The parts of a mountinfo line that diagnoses use. */
export interface MountPoint {
  readonly point: string;
  readonly type: string;
  readonly readOnly: boolean;
  /** The file system ("major:minor"), and the directory of it that is mounted. */
  readonly device: string;
  readonly root: string;
}

/** The mount points of a mountinfo text (proc_pid_mountinfo(5)), in its order. */
export function mountPoints(text: string): MountPoint[] {
  const mounts: MountPoint[] = [];
  for (const line of text.split("\n")) {
    const fields = line.split(" ");
    const separator = fields.indexOf("-", 6);
    if (separator < 0) continue;
    mounts.push({
      device: fields[2]!,
      root: mountPath(fields[3]!),
      point: mountPath(fields[4]!),
      type: fields[separator + 1] ?? "",
      readOnly: fields[5]!.split(",").includes("ro"),
    });
  }
  return mounts;
}
