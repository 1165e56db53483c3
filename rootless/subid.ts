/** Subordinate ids: /etc/subuid and /etc/subgid (subuid(5)), and other sources in nsswitch.conf. */

import { exists, readTextIfThere } from "../src/host/ask.ts";
import { asking, uncacheable } from "../src/host/recorder.ts";
import { each } from "../src/sys/lists.ts";
import { run } from "../src/sys/spawn.ts";

/** A range of `size` ids from `start` on that a user may map, and its source. */
export interface SubidRange {
  readonly start: number;
  readonly size: number;
  /** "/etc/subuid:3", or "getsubids" */
  readonly origin: string;
}

/** A caller's ranges of user ids and of group ids. */
export interface Subids {
  readonly uid: readonly SubidRange[];
  readonly gid: readonly SubidRange[];
}

/** The last id that a process can have: 2^32-1 means "no change" to the kernel. */
export const LAST_ID = 0xfffffffe;

/**
 * The ranges of one user in the text of a subid file, in the file's order. The owner of a line is the user's name
 * or uid. Comments, malformed lines and empty ranges are skipped. The syntax is newuidmap's, since it would refuse
 * the whole map for a line that it does not accept. It accepts blanks only before a number, and so no CRLF.
 *
 * @param userName null for a uid without a passwd entry: only lines with the number count then
 */
export function parseSubids(text: string, file: string, uid: number, userName: string | null): SubidRange[] {
  const ranges: SubidRange[] = [];
  each(text.split("\n"), (line, index) => {
    const [owner, start, size, ...more] = line.split(":");
    if (owner !== String(uid) && (userName === null || owner !== userName)) return;
    if (more.length > 0) return;
    const range = { start: numberOf(start), size: numberOf(size), origin: `${file}:${index + 1}` };
    if (range.start < 0) return;
    if (range.size > 0 && range.start + range.size - 1 <= LAST_ID) ranges.push(range);
  });
  return ranges;
}

/**
 * Parses a decimal number after blanks as strtoul(3) does; -1 if it is none. A number that begins with
 * 0 is octal for newuidmap.
 */
function numberOf(field: string | undefined): number {
  if (field === undefined) return -1;
  let from = 0;
  while (field[from] === " " || field[from] === "\t") from++;
  const digits = field.length - from;
  if (digits < 1 || digits > 10 || (digits > 1 && field[from] === "0")) return -1;
  for (let i = from; i < field.length; i++) if (field[i]! < "0" || field[i]! > "9") return -1;
  return Number(field.slice(from));
}

/** The name of a uid in the text of /etc/passwd, or null. */
export function userNameOf(passwd: string, uid: number): string | null {
  for (const line of passwd.split("\n")) {
    const fields = line.split(":");
    if (fields[2] === String(uid) && fields[0] !== "" && !line.startsWith("#")) return fields[0]!;
  }
  return null;
}

/** The source of subordinate ids in the text of /etc/nsswitch.conf: "files" unless a line `subid:` names another. */
export function subidSource(nsswitch: string): string {
  // Few of these files contain the word, and compiling a regular expression takes as long as ten system calls.
  if (!nsswitch.includes("subid")) return "files";
  return /^[ \t]*subid:[ \t]*([\w-]+)/m.exec(nsswitch)?.[1] ?? "files";
}

/** Parses the output of getsubids(1): "0: dev 100000 65536". */
export function parseGetsubids(output: string): SubidRange[] {
  return [...output.matchAll(/^\d+: \S+ (\d+) (\d+)$/gm)].map((m) => ({
    start: Number(m[1]),
    size: Number(m[2]),
    origin: "getsubids",
  }));
}

const GETSUBIDS = "/usr/bin/getsubids";
const GETSUBIDS_TIMEOUT_MS = 10_000;

/**
 * Reads the caller's subordinate ids. A missing file has no ranges. If nsswitch.conf names another source (such as
 * an LDAP directory), getsubids(1) is asked. Throws a SysError if a file cannot be read.
 */
export function loadSubids(uid: number, userName: string | null): Subids {
  const source = subidSource(readTextIfThere("/etc/nsswitch.conf") ?? "");
  // The answers of another source can change without a change on this machine.
  if (source !== "files") uncacheable(`subordinate ids come from ${source}, by nsswitch.conf`);
  if (source !== "files" && userName !== null && exists(GETSUBIDS)) {
    return { uid: askGetsubids([userName]), gid: askGetsubids(["-g", userName]) };
  }
  const ranges = (file: string) => parseSubids(readTextIfThere(file) ?? "", file, uid, userName);
  return { uid: ranges("/etc/subuid"), gid: ranges("/etc/subgid") };
}

function askGetsubids(args: readonly string[]): SubidRange[] {
  const command = { path: GETSUBIDS, argv: ["getsubids", ...args], env: [], processGroup: true };
  const result = asking(() => run(command, null, GETSUBIDS_TIMEOUT_MS));
  return result.code === 0 && result.signal === 0 ? parseGetsubids(result.output) : [];
}
