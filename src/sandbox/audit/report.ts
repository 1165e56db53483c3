/** --audit: what is told when the container has ended. */
import type { NetEvent } from "../../net/log.ts";
import { printable } from "../../printable.ts";
import { environmentStrings } from "../../sys/environment.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { close, readFd, readTextIfThere, writeFd, writeFile } from "../../sys/fs.ts";
import { inputFd, run } from "../../sys/spawn.ts";
import { fromUtf8 } from "../../sys/utf8.ts";
import type { AuditRequest } from "./audit.ts";
import type { Heard } from "./hear.ts";

/** How things stood when the container was made. */
export interface Beginning {
  /** In milliseconds of the epoch. */
  readonly time: number;
  /** The process whose children the container's processes become in the end: brun, later its supervisor. */
  readonly parent: number;
  /** Processor time of its children that had ended, in ticks. */
  readonly ticks: number;
}

/** What was connected to or refused, and how often. */
export interface AuditedName {
  /** A name, or an address that stands for none. */
  readonly name: string;
  /** Null for a question of DNS. */
  readonly port: number | null;
  readonly verdict: NetEvent["verdict"];
  readonly count: number;
}

/** What a program did, as `--audit=json` prints it. */
export interface AuditReport {
  readonly id: string;
  readonly seconds: number;
  /** Of all its processes; null where another brun has taken over. */
  readonly cpuSeconds: number | null;
  /** Bytes of the largest process; null when none has ended by itself. */
  readonly largestProcess: number | null;
  readonly programs: readonly { readonly path: string; readonly count: number }[];
  /** What was written, as `brun diff --format json` has it: the fields of {@link Change}. Null where that is not known. */
  readonly files: readonly { readonly path: string; readonly kind: "added" | "changed" | "deleted" }[] | null;
  /** Why there are no files. */
  readonly filesWhy: string | null;
  /** Paths that could be written to directly: what was is not in `files`. */
  readonly direct: readonly string[];
  /** Null without --allow-net. */
  readonly names: readonly AuditedName[] | null;
}

const TICKS = 100;
/** Fields of proc_pid_stat(5) behind the name: of the process, and of its children that were waited for. */
const OWN = [11, 12] as const;
const CHILDREN = [13, 14] as const;

function ticks(pid: number | "self", fields: readonly number[]): number {
  const stat = readTextIfThere(`/proc/${pid}/stat`) ?? "";
  const all = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.reduce((sum, field) => sum + Number(all[field] ?? 0), 0);
}

/** For the agent, which keeps it. The hook's own time will be its parent's children's. */
export function beginning(): Beginning {
  const parent = syscall(NR.getppid);
  return { time: Date.now(), parent, ticks: ticks(parent, CHILDREN) + ticks("self", OWN) };
}

/**
 * Writes the report to stderr or the file that was asked for, and throws away what was kept for it.
 * @param said by the agent; null or empty when nothing has run
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

/** What a command of brun's prints. */
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

/** Names that were connected to and refused, out of lines of --net-log. */
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
 * With the addresses that were dialled and never came to the relay: the kernel has refused them, as they stand for no name. Not those
 * of programs inside.
 */
function withAddresses(names: readonly AuditedName[], dialled: Heard["addresses"]): AuditedName[] {
  const refused = dialled.filter(
    ([address, port]) =>
      port !== 0 &&
      !INSIDE.test(address) &&
      !names.some((told) => told.name === address && told.port === port),
  );
  const verdict = "refused" as const;
  return [...names, ...refused.map(([name, port, count]) => ({ name, port, verdict, count }))];
}

/** Loopback, and what stands for names (src/net/table.ts). */
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
