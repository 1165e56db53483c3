/** `brun attach`. */
import { attach } from "../container/io/attach.ts";
import { parseDetachKeys } from "../container/io/detach-keys.ts";
import { defineCommand } from "./command.ts";
import { openRuntime } from "./globals.ts";
import { containerId } from "./hot-flags.ts";
import { writeOutput } from "./log-screen.ts";

export default defineCommand({
  meta: { name: "attach", description: "follow a detached container's output, and type into it" },
  args: {
    "container-id": containerId,
    "no-stdin": { type: "boolean", description: "type nothing into it" },
    "detach-keys": {
      type: "string",
      valueHint: "keys",
      default: "ctrl-p,ctrl-q",
      description: "what is typed to leave it",
    },
    "sig-proxy": {
      type: "boolean",
      optional: true,
      description: "signals go to the container (default, unless it has a terminal)",
    },
  },
  details: `For containers of "brun run --detach" with --host or --rootfs. If a container
was started with -i, it gets what you type, and the end of a pipe ends its
stdin. With -it it has a terminal, which takes the size of yours. The exit code
is the container's, or 0 if you have left it.

The output is shown as the program writes it, as with brun run in the
foreground; brun logs shows it with its control characters escaped.

EXAMPLE
  brun attach web`,
  run({ args, data }) {
    const detachKeys = parseDetachKeys(args["detach-keys"]);
    return attach(openRuntime(data), {
      id: args["container-id"],
      stdin: !args["no-stdin"],
      detachKeys,
      sigProxy: args["sig-proxy"] !== false,
      show: ({ stream, bytes }) => writeOutput(stream === "stdout" ? 1 : 2, bytes),
    });
  },
});
