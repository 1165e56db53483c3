/** `brun start`. */
import { start } from "../container/start.ts";
import { defineCommand } from "./command.ts";
import { containerId } from "./container-flags.ts";
import { openRuntime } from "./globals.ts";

export default defineCommand({
  meta: { name: "start", description: "start the program of a created container" },
  details: `EXAMPLE
  brun create --bundle demo web
  brun start web`,
  args: { "container-id": containerId },
  run({ args, data }) {
    start(openRuntime(data), args["container-id"]);
  },
});
