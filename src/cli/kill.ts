/** `brun kill`. */
import { kill } from "../container/kill.ts";
import { defineCommand } from "./command.ts";
import { containerId } from "./container-flags.ts";
import { openRuntime } from "./globals.ts";
import { matching, regexFlag } from "./match.ts";
import { parseSignal } from "./signals.ts";

export default defineCommand({
  meta: { name: "kill", description: "send a signal to a container" },
  args: {
    "container-id": containerId,
    signal: { type: "positional", required: false, description: "name or number (default: TERM)" },
    all: { type: "boolean", alias: "a", description: "to all processes of the container; none is no error" },
    regex: regexFlag,
  },
  run({ args, data }) {
    const signal = parseSignal(args.signal || "TERM");
    const runtime = openRuntime(data);
    for (const id of args.regex ? matching(runtime, args["container-id"]) : [args["container-id"]]) {
      kill(runtime, id, signal, args.all);
    }
  },
});
