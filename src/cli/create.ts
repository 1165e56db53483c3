/** `brun create`. */
import { create } from "../container/lifecycle/create.ts";
import { defineCommand } from "./command.ts";
import { createOptions, explainFailure } from "./container-flags.ts";
import { openRuntime } from "./globals.ts";
import { createCommandFlags } from "./hot-flags.ts";

export default defineCommand({
  meta: { name: "create", description: "create a container, up to the start of its program" },
  args: createCommandFlags,
  details: `Everything is set up when this returns. An error such as a missing program comes from this command.
The container waits for "brun start". With --image NAME, --rootfs DIR or --host the flags are those of "brun run".

EXAMPLE
  brun create --bundle demo web
  brun start web
  brun create --image debian:12 --name db -- sleep 1000`,
  explainFailure: (error, context) => explainFailure(error, context),
  run({ args, data }) {
    create(openRuntime(data, args.timing), createOptions(args));
  },
});
