/** `brun unshare`. */
import { unshare } from "../container/lifecycle/unshare.ts";
import { environmentStrings, variable } from "../sys/environment.ts";
import { defineCommand } from "./command.ts";

export default defineCommand({
  meta: { name: "unshare", description: "run a command in the user namespace that containers get" },
  args: {
    command: {
      type: "positional",
      required: false,
      rest: true,
      description: "what to run, with its arguments (default: $SHELL)",
    },
  },
  details: `The command is root over your files and those of your subordinate ids, and over nothing else. Use it to unpack and
remove root file systems whose files belong to ids of a container.

EXAMPLE
  brun unshare -- tar -C rootfs -xf image.tar
  brun unshare -- rm -rf rootfs
  brun unshare -- cat /proc/self/uid_map`,
  run({ args }) {
    const command = args.command.length > 0 ? args.command : [variable("SHELL") || "/bin/sh"];
    return unshare(command, environmentStrings());
  },
});
