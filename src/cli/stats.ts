/** `brun stats`. */

import { terminalSize } from "../container/io/terminal.ts";
import { type Usage, usage } from "../container/resources/usage.ts";
import { livingStates } from "../container/state/list.ts";
import { Processes } from "../container/state/ps.ts";
import { requireState, type StoredState } from "../container/state/store.ts";
import type { Runtime } from "../container/types.ts";
import { BrunError, errorLine } from "../errors.ts";
import { defineCommand } from "./command.ts";
import { parseDuration } from "./events.ts";
import { isJson, table } from "./format.ts";
import { openRuntime } from "./globals.ts";
import { formatFlag } from "./hot-flags.ts";
import { Keys } from "./keys.ts";
import { isTerminal, print, printRaw } from "./output.ts";
import { type Sample, STATS_TITLES, statsJson, statsRow, statsTable } from "./stats-table.ts";

/** Between the two measurements of which the first CPU percentage is made, in milliseconds. */
const FIRST_MS = 250;

export default defineCommand({
  meta: { name: "stats", description: "show what containers use: CPU, memory, I/O, processes" },
  args: {
    "container-ids": {
      type: "positional",
      required: false,
      rest: true,
      description: "which (default: all that run)",
    },
    "no-stream": { type: "boolean", description: "print once, and end" },
    interval: {
      type: "string",
      alias: "i",
      valueHint: "duration",
      default: "1s",
      description: "time between two measurements: 500ms, 5s",
    },
    format: formatFlag,
  },
  details: `On a terminal brun redraws the table until the named containers have ended or you press q or Ctrl-C. Elsewhere it adds lines
as long as one of them runs, or any container if none is named. A container without a cgroup is measured by its processes: memory
that they share is divided among them, and the limit is the machine's memory. 100 % is one CPU.

EXAMPLE
  brun stats
  brun stats --no-stream web`,
  run({ args, data }) {
    const json = isJson(args.format);
    const interval = parseDuration(args.interval);
    const watch = new Watch(openRuntime(data), args["container-ids"]);
    watch.measure();
    Bun.sleepSync(FIRST_MS);
    const drawn = !json && isTerminal(1) && !args["no-stream"];
    const screen = json ? printJson : drawn ? redraw() : append();
    using keys = drawn ? new Keys() : null;
    for (;;) {
      const samples = watch.measure();
      screen(samples);
      // A table on a terminal stays until a key ends it, since another container may start. Other output ends.
      if (args["no-stream"] || (samples.length === 0 && (watch.named || !drawn))) return 0;
      if (keys === null) Bun.sleepSync(interval);
      else if (keys.wait(interval)) return 0;
    }
  },
});

/** The containers, and their previous measurements. */
class Watch {
  /** Containers were named, so the command ends with them. */
  readonly named: boolean;
  private before = new Map<string, Usage>();

  /** Throws a BrunError when a container that is named does not run. */
  constructor(
    private readonly rt: Runtime,
    private readonly ids: readonly string[],
  ) {
    this.named = ids.length > 0;
    const all = new Processes();
    for (const id of ids) {
      if (usage(requireState(rt.root, id), all) !== null) continue;
      throw new BrunError(`container with id ${id} is not running`, { code: "ERR_STATE" });
    }
  }

  measure(): Sample[] {
    const after = new Map<string, Usage>();
    const samples: Sample[] = [];
    const all = new Processes();
    const look = (id: string, stored?: StoredState) => {
      const now = this.look(all, id, stored);
      if (now === null) return;
      after.set(id, now);
      samples.push({ before: this.before.get(id) ?? now, now });
    };
    if (this.named) for (const id of this.ids) look(id);
    // A state that may not be the caller's is read once more, with a check of its owner.
    else
      for (const { stored, uid } of livingStates({ ...this.rt, warn: () => {} }))
        look(stored.id, uid === undefined ? undefined : stored);
    this.before = after;
    return samples;
  }

  /** Null when it has ended, also while it was looked at. */
  private look(all: Processes, id: string, stored?: StoredState): Usage | null {
    try {
      return usage(stored ?? requireState(this.rt.root, id), all);
    } catch (error) {
      this.rt.debug?.(`container ${id}: ${errorLine(error)}`);
      return null;
    }
  }
}

type Screen = (samples: readonly Sample[]) => void;

const printJson: Screen = (samples) => print(statsJson(samples, Date.now()));

/** Draws the table over the previous one. */
function redraw(): Screen {
  let lines = 0;
  return (samples) => {
    const [height, width] = terminalSize() ?? [0, 0];
    // A line that wraps, or a table that is too high, could not be overwritten.
    const shown = statsTable(samples, Date.now())
      .trimEnd()
      .split("\n")
      .slice(0, height > 1 ? height - 1 : undefined)
      .map((line) => (width > 0 ? line.slice(0, width) : line));
    // Up to where the table began, also when something was typed below it, and everything from there on away.
    const back = lines === 0 ? "" : `\r\x1b[${lines}A\x1b[J`;
    printRaw(`${back}${shown.join("\n")}\n`);
    lines = shown.length;
  };
}

/** The titles once, then rows; columns are as wide as the first ones need. */
function append(): Screen {
  let titles: readonly string[][] = [STATS_TITLES];
  return (samples) => {
    const clock = Date.now();
    const text = table([...titles, ...samples.map((sample) => statsRow(sample, clock))]);
    print(text);
    titles = [];
  };
}
