/** `brun start`. */
import { start } from "../container/lifecycle/start.ts";
import { defineCommand } from "./command.ts";
import { openRuntime } from "./globals.ts";
import { idFlags } from "./hot-flags.ts";

export default defineCommand({
  meta: { name: "start", description: "start the program of a created container" },
  details: `EXAMPLE
  brun create --bundle demo web
  brun start web`,
  args: idFlags,
  run({ args, data }) {
    start(openRuntime(data), args["container-id"]);
  },
});
