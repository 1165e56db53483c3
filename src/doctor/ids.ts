/** newuidmap, newgidmap and the ranges that they may map. */

import type { Caller } from "../../rootless/caller.ts";
import { findHelper, lacksPrivilege, type MapHelper } from "../../rootless/find-helper.ts";
import type { SubidRange, Subids } from "../../rootless/subid.ts";
import { subidFile } from "../../rootless/validate.ts";
import { BrunError } from "../errors.ts";
import { readTextIfThere } from "../sys/fs.ts";
import { asRoot, type Finding, nameOf, type Remedy, remedy, remedyOf, Subject } from "./finding.ts";

/** Ids that images count on: Linux distributions give users and groups numbers below. */
const ENOUGH = 65536;
const FIRST_SUBID = 100_000;

/** newuidmap or newgidmap: whether it exists and has the rights that it needs. */
export function mapHelper(name: MapHelper, caller: Caller): Finding {
  const subject = new Subject(name, "it maps more than the caller's own id", caller);
  if (caller.privileged) return subject.ok("not needed: root writes the maps itself");
  let path: string;
  try {
    path = findHelper(name);
  } catch (error) {
    if (error instanceof BrunError) return subject.warn(error.message, remedyOf(error));
    throw error;
  }
  const lack = lacksPrivilege(path);
  if (lack !== null) return subject.warn(lack.cause, remedy(lack.fix));
  return subject.ok(`${path} is there, with its privilege`);
}

/** The caller's ranges in /etc/subuid or /etc/subgid. */
export function subordinateIds(kind: "uid" | "gid", caller: Caller, subids: Subids): Finding {
  const file = subidFile(kind);
  const subject = new Subject(`sub${kind}`, `the ${kind}s of a container besides its root`, caller);
  if (caller.privileged) return subject.ok("not needed: root may map any ids");
  const text = readTextIfThere(file) ?? "";
  return judgeRanges(subject, kind, caller, subids[kind], text, readTextIfThere("/etc/passwd") ?? "");
}

/** {@link subordinateIds} of given texts. */
export function judgeRanges(
  subject: Subject,
  kind: "uid" | "gid",
  caller: Caller,
  ranges: readonly SubidRange[],
  text: string,
  passwd: string,
): Finding {
  const size = ranges.reduce((sum, range) => sum + range.size, 0);
  const name = nameOf(caller);
  const grant = grantFix(kind, name, text);
  if (size === 0) {
    const line = malformed(text, caller);
    if (line === 0) return subject.warn(`${name} has no range in ${subidFile(kind)}`, grant);
    const fix = asRoot(`sed -i '${line}s/[[:space:]]//g' ${subidFile(kind)}`);
    return subject.warn(
      `${subidFile(kind)}:${line} is not as newuidmap reads it: NAME:FIRST:COUNT, without blanks`,
      fix,
    );
  }
  if (size < ENOUGH) return subject.warn(`${name} has ${size} ids, and images count on ${ENOUGH}`, grant);
  const clash = overlap(ranges, text, passwd, caller, kind);
  if (clash !== null) return subject.warn(clash, grant);
  const list = ranges.map((r) => `${r.start}-${r.start + r.size - 1} (${r.origin})`).join(", ");
  return subject.ok(`${name} has ${list}`);
}

/** The number of the first line that seems to be for the caller; 0 if there is none. */
function malformed(text: string, caller: Caller): number {
  const lines = text.split("\n");
  return (
    1 + lines.findIndex((line) => [caller.userName, `${caller.uid}`].includes(line.split(":")[0]!.trim()))
  );
}

interface Entry {
  readonly owner: string;
  readonly start: number;
  readonly end: number;
}

function entries(text: string): Entry[] {
  return text.split("\n").flatMap((line) => {
    const [owner, start, size] = line.trim().split(":");
    if (!owner || owner.startsWith("#") || !/^\d+$/.test(start ?? "") || !/^\d+$/.test(size ?? "")) return [];
    return [{ owner, start: Number(start), end: Number(start) + Number(size) }];
  });
}

/** Another user who has some of the ids; null if there is none. */
function overlap(
  ranges: readonly SubidRange[],
  text: string,
  passwd: string,
  caller: Caller,
  kind: "uid" | "gid",
): string | null {
  const others = entries(text).filter(({ owner }) => owner !== caller.userName && owner !== `${caller.uid}`);
  for (const range of ranges) {
    const end = range.start + range.size;
    const other = others.find((o) => o.start < end && o.end > range.start);
    if (other !== undefined) {
      return `${range.origin} overlaps the range of ${other.owner}: each can reach the other's files`;
    }
    if (kind === "gid") continue;
    for (const line of passwd.split("\n")) {
      const [user, , uid] = line.split(":");
      const id = Number(uid ?? "");
      if (uid && id >= range.start && id < end) return `${range.origin} has the uid of ${user}, ${id}`;
    }
  }
  return null;
}

/** A range after all others. */
function grantFix(kind: "uid" | "gid", name: string, text: string): Remedy {
  const free = Math.max(FIRST_SUBID, ...entries(text).map(({ end }) => end));
  return asRoot(`usermod --add-sub${kind}s ${free}-${free + ENOUGH - 1} ${name}`);
}
