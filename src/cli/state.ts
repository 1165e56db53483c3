/** `brun state`. */
import { state } from "../container/state/state.ts";
import { defineCommand } from "./command.ts";
import { openRuntime } from "./globals.ts";
import { idFlags } from "./hot-flags.ts";
import { toStdout } from "./output.ts";

export default defineCommand({
  meta: { name: "state", description: "print the state of a container as JSON" },
  details: `EXAMPLE
  brun state web`,
  args: idFlags,
  run({ args, data }) {
    const runtime = openRuntime(data);
    toStdout(() => state(runtime, args["container-id"]));
  },
});
