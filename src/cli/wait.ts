/** `brun wait`. */
import { wait } from "../container/lifecycle/wait.ts";
import { defineCommand } from "./command.ts";
import { containerIds, forEachId } from "./container-ids.ts";
import { openRuntime } from "./globals.ts";
import { print } from "./output.ts";

export default defineCommand({
  meta: { name: "wait", description: "wait for detached containers to end, and print their exit codes" },
  args: { "container-ids": containerIds },
  details: `For containers of "brun run --detach" with --host or --rootfs, also those that
have ended. One line each, in the order of the names.

EXAMPLE
  brun wait web`,
  run({ args, data }) {
    const runtime = openRuntime(data);
    return forEachId(data, args["container-ids"], (id) => print(`${wait(runtime, id)}\n`));
  },
});
