/** `brun logs`. */
import { hasEnded, openResult } from "../container/io/kept-process.ts";
import { forgetEvents, watchKept } from "../container/io/kept-watch.ts";
import { type LogEntry, LogReader } from "../container/io/log-reader.ts";
import { requireState, type StoredState } from "../container/state/store.ts";
import type { Runtime } from "../container/types.ts";
import { BrunError } from "../errors.ts";
import { POLLIN, waitFd } from "../sys/poll.ts";
import { utf8 } from "../sys/utf8.ts";
import { defineCommand } from "./command.ts";
import { timeoutMs } from "./duration.ts";
import { openRuntime } from "./globals.ts";
import { containerId } from "./hot-flags.ts";
import { SafeText, writeOutput } from "./log-screen.ts";
import { isTerminal } from "./output.ts";

export default defineCommand({
  meta: { name: "logs", description: "print what a detached container has written" },
  args: {
    "container-id": containerId,
    follow: { type: "boolean", alias: "f", description: "go on until it ends" },
    tail: { type: "string", alias: "n", valueHint: "lines", description: "only the last lines" },
    since: {
      type: "string",
      valueHint: "time",
      description: "only what is newer: 10m, 1h30m, 2026-01-31T12:00:00Z",
    },
    timestamps: { type: "boolean", alias: "t", description: "begin each line with its time" },
  },
  details: `The output of a container of "brun run --detach" with --host or --rootfs is
kept until the container is removed: its end, if it is longer than
--log-opt max-size allows. What came from stderr goes to stderr.

On a terminal control characters are escaped, but for colours, tabs and
carriage returns: a program's output is not trusted. To a file or a pipe it goes
as it is; brun attach shows it as it is, too.

EXAMPLE
  brun logs --follow web`,
  short: true,
  run({ args, data }) {
    const [tail, since] = [lines(args.tail), sinceTime(args.since)];
    const rt = openRuntime(data);
    const stored = requireState(rt.root, args["container-id"]);
    if (stored.kept === undefined) {
      throw new BrunError(`the output of container ${stored.id} is not kept`, {
        code: "ERR_STATE",
        hint: "brun keeps the output of brun run --detach with --host, --rootfs or --image; others write to the output of the command that made them",
      });
    }
    const show = new Shown(args.timestamps);
    const reader = new LogReader(stored.kept.directory);
    const wanted = ({ time }: LogEntry) => since === undefined || Date.parse(time) >= since;
    for (const entry of lastLines(reader.entries(), wanted, tail)) show.entry(entry);
    if (args.follow) follow(rt, stored, reader, (entry) => wanted(entry) && show.entry(entry));
    show.end();
    return 0;
  },
});

/** Shows new output until the supervisor has ended. */
function follow(rt: Runtime, stored: StoredState, reader: LogReader, show: (entry: LogEntry) => void): void {
  const result = openResult(rt.root, stored);
  const events = result < 0 ? -1 : watchKept(rt.root, stored);
  for (;;) {
    const ended = result < 0 || hasEnded(result);
    for (const entry of reader.entries()) show(entry);
    if (ended) return;
    waitFd(events, POLLIN);
    forgetEvents(events);
  }
}

const NEWLINE = 0x0a;

/** The entries since a time, and of these the last `tail` lines. */
function* lastLines(
  entries: Iterable<LogEntry>,
  wanted: (entry: LogEntry) => boolean,
  tail: number | undefined,
): Generator<LogEntry> {
  let kept: LogEntry[] = [];
  let first = 0;
  let ends = 0;
  for (const entry of entries) {
    if (!wanted(entry) || tail === 0) continue;
    if (tail === undefined) {
      yield entry;
      continue;
    }
    kept.push(entry);
    if (endsLine(entry)) ends++;
    // The last line may be continued later.
    for (; ends > tail || (ends === tail && !endsLine(entry)); first++) if (endsLine(kept[first]!)) ends--;
    if (first <= COMPACT) continue;
    kept = kept.slice(first);
    first = 0;
  }
  for (let i = first; i < kept.length; i++) yield kept[i]!;
}

const COMPACT = 4096;

function endsLine({ bytes }: LogEntry): boolean {
  return bytes.at(-1) === NEWLINE;
}

/** What has been shown of both streams. */
class Shown {
  private readonly streams = {
    stdout: { fd: 1, safe: isTerminal(1) ? new SafeText() : null, inLine: false },
    stderr: { fd: 2, safe: isTerminal(2) ? new SafeText() : null, inLine: false },
  };

  constructor(private readonly timestamps: boolean) {}

  entry(entry: LogEntry): void {
    const stream = this.streams[entry.stream];
    const { fd, safe } = stream;
    if (this.timestamps && !stream.inLine) writeOutput(fd, utf8(`${entry.time} `));
    stream.inLine = !endsLine(entry);
    writeOutput(fd, safe === null ? entry.bytes : utf8(safe.add(entry.bytes)));
  }

  end(): void {
    for (const { fd, safe } of Object.values(this.streams))
      if (safe !== null) writeOutput(fd, utf8(safe.end()));
  }
}

function lines(text: string | undefined): number | undefined {
  if (text === undefined || text === "all" || text === "-1") return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new BrunError(`"${text}" is no number of lines`, { code: "ERR_USAGE", where: "--tail" });
}

/** Milliseconds since 1970. Throws a BrunError. */
function sinceTime(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? Date.now() - timeoutMs(text, "--since")! : time;
}
