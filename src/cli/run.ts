/** `brun run`. */
import { run } from "../container/lifecycle/run.ts";
import { defineCommand } from "./command.ts";
import { createOptions, explainFailure } from "./container-flags.ts";
import { openRuntime } from "./globals.ts";
import { runFlags } from "./hot-flags.ts";

export default defineCommand({
  meta: { name: "run", description: "create and run a container" },
  args: runFlags,
  details: `brun run [flags] CONTAINER-ID
brun run --host [flags] -- program…
brun run --rootfs DIR [flags] -- program…
brun run --image NAME [flags] [-- program…]

The first form runs a bundle, with the flags below. The others need no bundle: the root is a throw-away copy of this
machine, a directory or an image. "brun run --host --help" describes their flags.

In the foreground signals are forwarded, and the exit code is that of the program, or 128 and the number of
the signal that ended it.

EXAMPLE
  brun run --bundle demo my-container
  brun run --host -- make test
  brun run --image debian:12 -- cat /etc/os-release`,
  retell: async (error, argv, globals) => (await import("./run-words.ts")).hintForWords(error, argv, globals),
  explainFailure: (error, context) => explainFailure(error, context),
  run({ args, data }) {
    const rt = openRuntime(data, args.timing);
    return run(rt, {
      ...createOptions(args),
      detach: args.detach,
      keep: args.keep,
      noSubreaper: args["no-subreaper"],
      awaitStart: args["await-start"],
      dieWithParent: rt.client !== undefined && rt.client.lifeline >= 0,
    });
  },
});
