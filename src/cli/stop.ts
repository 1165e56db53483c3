/** `brun stop`. */
import { stop } from "../container/lifecycle/stop.ts";
import { STOP_SIGNAL } from "../sandbox/fields.ts";
import { defineCommand } from "./command.ts";
import { containerIds, forEachId } from "./container-ids.ts";
import { timeoutMs } from "./duration.ts";
import { openRuntime } from "./globals.ts";
import { print } from "./output.ts";
import { parseSignal } from "./signals.ts";

/** The signal in the container's config. It may come from an image, and be invalid. */
function stopSignal(annotations: Readonly<Record<string, string>>): number {
  const text = annotations[STOP_SIGNAL];
  if (text === undefined) return TERM;
  try {
    return parseSignal(text);
  } catch {
    return TERM;
  }
}

const TERM = 15;

export default defineCommand({
  meta: { name: "stop", description: "end containers: by SIGTERM, and after a time by SIGKILL" },
  args: {
    "container-ids": containerIds,
    time: {
      type: "string",
      alias: "t",
      valueHint: "time",
      default: "10",
      description: "how long they have after the signal: 3 (seconds), 0.5, 2m",
    },
    signal: {
      type: "string",
      alias: "s",
      valueHint: "signal",
      description: "which signal (default: that of run --stop-signal or the image, else TERM)",
    },
  },
  details: `One that has ended already is no error. A container of "brun run --detach" with
--host or --rootfs stays, for logs and wait, until it is removed (brun rm).

EXAMPLE
  brun stop web`,
  short: true,
  run({ args, data }) {
    const signal = args.signal === undefined ? undefined : parseSignal(args.signal);
    const patience = timeoutMs(args.time, "--time") ?? 0;
    const runtime = openRuntime(data);
    return forEachId(data, args["container-ids"], (id) => {
      stop(runtime, id, (annotations) => signal ?? stopSignal(annotations), patience);
      print(`${id}\n`);
    });
  },
});
