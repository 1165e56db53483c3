/** `brun events`. */
import { type ContainerEvent, events } from "../container/resources/events.ts";
import { stats } from "../container/resources/stats.ts";
import { BrunError } from "../errors.ts";
import { toJson } from "../spec/json.ts";
import { defineCommand } from "./command.ts";
import { openRuntime } from "./globals.ts";
import { containerId } from "./hot-flags.ts";
import { print } from "./output.ts";

export default defineCommand({
  meta: { name: "events", description: "print statistics and out-of-memory events as lines of JSON" },
  details: `EXAMPLE
  brun events --stats web`,
  args: {
    "container-id": containerId,
    interval: {
      type: "string",
      valueHint: "duration",
      default: "5s",
      description: "time between two statistics: 500ms, 5s, 1m30s",
    },
    stats: { type: "boolean", description: "print the statistics once" },
  },
  run({ args, data }) {
    const interval = parseDuration(args.interval);
    const id = args["container-id"];
    const runtime = openRuntime(data);
    const emit = (event: ContainerEvent) => print(`${toJson(event, "")}\n`);
    if (args.stats) emit({ type: "stats", id, data: stats(runtime, id) });
    else events(runtime, id, interval, emit);
  },
});

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Milliseconds of a duration as Go writes it (time.ParseDuration): "1m30s", with a sign, or a bare 0.
 * @throws BrunError it is none, or not above 0
 */
export function parseDuration(text: string): number {
  const parts = /^(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h)/;
  let milliseconds = 0;
  let rest = text.replace(/^[-+]/, "");
  const sign = text.startsWith("-") ? -1 : 1;
  if (rest === "0") rest = "0s";
  const given = rest !== "";
  for (let part = parts.exec(rest); part !== null; part = parts.exec(rest)) {
    milliseconds += Number.parseFloat(part[0]) * UNITS[part[0].replace(/^[\d.]+/, "")]!;
    rest = rest.slice(part[0].length);
  }
  if (rest !== "" || !given) {
    throw new BrunError(`invalid value "${text}" for flag -interval: not a duration`, {
      hint: "such as 500ms or 5s",
    });
  }
  if (sign * milliseconds <= 0) throw new BrunError("duration interval must be greater than 0");
  return milliseconds;
}
