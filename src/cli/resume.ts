/** `brun resume`. */
import { resume } from "../container/lifecycle/resume.ts";
import { defineCommand } from "./command.ts";
import { openRuntime } from "./globals.ts";
import { containerId } from "./hot-flags.ts";

export default defineCommand({
  meta: { name: "resume", description: "let a paused container go on" },
  details: `EXAMPLE
  brun resume web`,
  args: { "container-id": containerId },
  run({ args, data }) {
    resume(openRuntime(data), args["container-id"]);
  },
});
