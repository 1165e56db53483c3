/** --audit: the report after the container's end. */
import type { NetEvent } from "../../net/log.ts";
import { printable } from "../../printable.ts";
import { environmentStrings } from "../../sys/environment.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { close, readFd, readTextIfThere, writeFd, writeFile } from "../../sys/fs.ts";
import { inputFd, run } from "../../sys/spawn.ts";
import { fromUtf8 } from "../../sys/utf8.ts";
import type { AuditRequest } from "./audit.ts";
import type { Heard } from "./hear.ts";

/** The state at the container's start. */
export interface Beginning {
  /** In milliseconds since the epoch. */
  readonly time: number;
  /** The process that inherits the container's processes in the end: brun, later its supervisor. */
  readonly parent: number;
  /** The processor time of this process's ended children, in ticks. */
  readonly ticks: number;
}

/** A destination of connections, with a verdict and the number of attempts. */
export interface AuditedName {
  /** A name, or an address that does not stand for one. */
  readonly name: string;
  /** Null for a DNS question. */
  readonly port: number | null;
  readonly verdict: NetEvent["verdict"];
  readonly count: number;
}

/** What a program did, as `--audit=json` prints it. */
export interface AuditReport {
  readonly id: string;
  readonly seconds: number;
  /** The processor time of all its processes; null if the container's parent is another process now. */
  readonly cpuSeconds: number | null;
  /** The memory of the largest process in bytes; null if no process has ended by itself. */
  readonly largestProcess: number | null;
  readonly programs: readonly { readonly path: string; readonly count: number }[];
  /**
   * The written files, as in `brun diff --format json`: the fields of {@link Change}. Null if they are not
   * known.
   */
  readonly files: readonly { readonly path: string; readonly kind: "added" | "changed" | "deleted" }[] | null;
  /** The reason if `files` is null. */
  readonly filesWhy: string | null;
  /** Paths that the program could write to directly. `files` does not contain changes below them. */
  readonly direct: readonly string[];
  /** Null without --allow-net. */
  readonly names: readonly AuditedName[] | null;
}

const TICKS = 100;
/** Fields of proc_pid_stat(5) after the name: the times of the process, and of its ended children. */
const OWN = [11, 12] as const;
const CHILDREN = [13, 14] as const;

function ticks(pid: number | "self", fields: readonly number[]): number {
  const stat = readTextIfThere(`/proc/${pid}/stat`) ?? "";
  const all = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.reduce((sum, field) => sum + Number(all[field] ?? 0), 0);
}

/**
 * The beginning, which the agent keeps. The hook's own time is added, since it counts as a child's time
 * later.
 */
export function beginning(): Beginning {
  const parent = syscall(NR.getppid);
  return { time: Date.now(), parent, ticks: ticks(parent, CHILDREN) + ticks("self", OWN) };
}

/**
 * Writes the report to stderr or to the requested file, and removes files that were kept only for it.
 * @param said the agent's record; null or empty if no program has run
 * @param self the command line that runs brun
 */
export function finishAudit(
  id: string,
  request: AuditRequest,
  said: string | null,
  self: readonly string[],
): void {
  const { kept } = request;
  try {
    if (said) report(id, request, said, self);
  } finally {
    if ("name" in kept && kept.temporary) output(self, ["discard", "--held", kept.name]);
  }
}

function report(id: string, request: AuditRequest, said: string, self: readonly string[]): void {
  const { begin, programs, addresses, largest } = JSON.parse(said) as Heard & { readonly begin: Beginning };
  const end = Date.now() - performance.now();
  const parent = syscall(NR.getppid);
  const { kept } = request;
  const whole: AuditReport = {
    id,
    seconds: Math.max(0, end - begin.time) / 1000,
    cpuSeconds: parent === begin.parent ? Math.max(0, ticks(parent, CHILDREN) - begin.ticks) / TICKS : null,
    largestProcess: largest > 0 ? largest : null,
    programs: programs
      .map(([path, count]) => ({ path: path.toWellFormed(), count }))
      .sort((a, b) => b.count - a.count || (a.path < b.path ? -1 : 1)),
    files:
      "name" in kept
        ? (JSON.parse(output(self, ["diff", "--format", "json", kept.name])) as AuditReport["files"])
        : null,
    filesWhy: "why" in kept ? kept.why : null,
    direct: request.direct,
    names:
      request.netLog === null
        ? null
        : withAddresses(namesIn(readTextIfThere(request.netLog) ?? "", begin.time), addresses),
  };
  const text = request.format === "json" ? JSON.stringify(whole) : table(whole);
  if (request.to === undefined) writeFd(2, `${text}\n`, "the report");
  else writeFile(request.to, text);
}

/** The output of a brun command. */
function output(self: readonly string[], words: readonly string[]): string {
  const [path = ""] = self;
  const file = inputFd("");
  try {
    const env = environmentStrings();
    const { code, output: errors } = run({ path, argv: [...self, ...words], env }, null, -1, [file, -1]);
    if (code !== 0) throw new Error(errors.trim() || `brun ${words[0]} has exited with ${code}`);
    syscall(NR.lseek, file, 0, 0);
    return fromUtf8(readFd(file, "the changes"));
  } finally {
    close(file);
  }
}

/** The names that were connected to or refused, from lines of --net-log. */
function namesIn(log: string, since: number): AuditedName[] {
  const counts = new Map<string, AuditedName>();
  for (const line of log.split("\n")) {
    if (!line.startsWith("{")) continue;
    const { time, verdict, name, port = null } = JSON.parse(line);
    if (name === undefined || Date.parse(time) < since || verdict === "closed") continue;
    const key = `${verdict} ${name} ${port}`;
    counts.set(key, { name, port, verdict, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return [...counts.values()];
}

/**
 * Adds the addresses that were dialled and are not in the log. Addresses that stand for names and those of
 * programs in the container are left out. The log has a refusal once a second, so each attempt at an address
 * is counted here.
 */
function withAddresses(names: readonly AuditedName[], dialled: Heard["addresses"]): AuditedName[] {
  const attempts = new Map(dialled.map(([address, port, count]) => [`${address} ${port}`, count]));
  const logged = names.map((told) => {
    const count = told.verdict === "refused" ? (attempts.get(`${told.name} ${told.port}`) ?? 0) : 0;
    return { ...told, count: Math.max(told.count, count) };
  });
  const verdict = "refused" as const;
  const refused = dialled
    .filter(
      ([address, port]) =>
        port !== 0 &&
        !INSIDE.test(address) &&
        !names.some((told) => told.name === address && told.port === port),
    )
    .map(([name, port, count]) => ({ name, port, verdict, count }));
  return [...logged, ...refused];
}

/** Loopback, and the range of addresses that stand for names (src/net/table.ts). */
const INSIDE = /^(127\.|198\.1[89]\.|0:0:0:0:0:0:0:1$|0\.0\.0\.0$)/;

const LETTERS = { added: "A", changed: "C", deleted: "D" } as const;

function table(whole: AuditReport): string {
  const { seconds, cpuSeconds, largestProcess, programs, files, filesWhy, direct, names } = whole;
  const mb = largestProcess === null ? "unknown" : `${(largestProcess / 1e6).toFixed(1)} MB`;
  const cpu = cpuSeconds === null ? "unknown" : `${cpuSeconds.toFixed(2)} s`;
  const counted = (count: number) => `${count}`.padStart(6);
  return [
    `AUDIT of ${whole.id}`,
    `time ${seconds.toFixed(2)} s, processor ${cpu}, memory of the largest process ${mb}`,
    `programs executed: ${programs.length === 0 ? "none" : ""}`.trimEnd(),
    ...programs.map(({ path, count }) => `${counted(count)}  ${printable(path, true)}`),
    files === null
      ? `files written: ${filesWhy}`
      : `files written: ${files.length === 0 ? "none" : files.length}`,
    ...(files ?? []).map(({ path, kind }) => `     ${LETTERS[kind]}  ${printable(path, true)}`),
    ...(direct.length === 0
      ? []
      : [
          `not in this list: what was written below ${direct.map((path) => printable(path, true)).join(", ")}`,
        ]),
    ...(names === null ? [] : ["names:"]),
    ...(names ?? []).map(
      ({ name, port, verdict, count }) =>
        `${counted(count)}  ${verdict} ${printable(name.includes(":") ? `[${name}]` : name)}${port === null ? "" : `:${port}`}`,
    ),
  ].join("\n");
}
