/** What a diagnosis looks at and what it says. */

import type { Fix } from "../src/fix.ts";
import { ownCommand } from "../src/sys/environment.ts";
import { readTextIfThere, tryStat } from "../src/sys/fs.ts";
import { mountPath } from "../src/sys/mountinfo.ts";

/** A cause that was found, and what removes it. */
export interface Diagnosis {
  readonly cause: string;
  readonly fix: Fix;
}

/** What a diagnosis looks at; the host, or a test's fixtures. */
export interface HostView {
  /** Text of a file; null when it is not there or not readable. */
  readonly read: (path: string) => string | null;
  /** Identity of a file ("device:inode"), or null. */
  readonly identity: (path: string) => string | null;
  readonly uid: number;
  readonly gid: number;
  /** Path of the program that runs, which AppArmor's profiles go by. */
  readonly executable: string;
}

/** The machine itself, seen by a process with these effective ids. */
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

/** One line of mountinfo, as far as a diagnosis needs it. */
export interface MountPoint {
  readonly point: string;
  readonly type: string;
  readonly readOnly: boolean;
  /** The file system, "major:minor", and the directory of it that is mounted. */
  readonly device: string;
  readonly root: string;
}

/** Mount points of a mountinfo text (proc_pid_mountinfo(5)), in order. */
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
