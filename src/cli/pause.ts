/** `brun pause`. */
import { pause } from "../container/lifecycle/pause.ts";
import { defineCommand } from "./command.ts";
import { openRuntime } from "./globals.ts";
import { containerId } from "./hot-flags.ts";

export default defineCommand({
  meta: { name: "pause", description: "stop all processes of a container for a while" },
  details: `EXAMPLE
  brun pause web`,
  args: { "container-id": containerId },
  run({ args, data }) {
    pause(openRuntime(data), args["container-id"]);
  },
});
