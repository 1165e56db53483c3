/** `brun stop`. */
import { stop } from "../container/stop.ts";
import { defineCommand } from "./command.ts";
import { timeoutMs } from "./duration.ts";
import { openRuntime } from "./globals.ts";
import { containerIds, forEachId } from "./ids.ts";
import { print } from "./output.ts";
import { parseSignal } from "./signals.ts";

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
    signal: { type: "string", alias: "s", valueHint: "signal", default: "TERM", description: "which signal" },
  },
  details: `One that has ended already is no error. A container of "brun run --detach" with
--host or --rootfs stays, for logs and wait, until it is removed (brun rm).

EXAMPLE
  brun stop web`,
  short: true,
  run({ args, data }) {
    const signal = parseSignal(args.signal);
    const patience = timeoutMs(args.time, "--time") ?? 0;
    const runtime = openRuntime(data);
    return forEachId(data, args["container-ids"], (id) => {
      stop(runtime, id, signal, patience);
      print(`${id}\n`);
    });
  },
});
