/** `brun explain`. */

import { BrunError } from "../errors.ts";
import { explain } from "../explain/explain.ts";
import { explanationDiff, explanationText, type Marks, plain } from "../explain/text.ts";
import { toJson } from "../spec/index.ts";
import { defineCommand } from "./command.ts";
import { createFlags } from "./container-flags.ts";
import { viewRuntime } from "./globals.ts";
import { isTerminal, print } from "./output.ts";

const {
  bundle,
  config,
  "no-pivot": noPivot,
  "no-new-keyring": noNewKeyring,
  "preserve-fds": preserveFds,
} = createFlags;

export default defineCommand({
  meta: { name: "explain", description: "say what run would do with a bundle and why, without doing it" },
  args: {
    "container-id": {
      type: "positional",
      required: false,
      description: "name that the container would have",
    },
    bundle,
    config,
    "no-pivot": noPivot,
    "no-new-keyring": noNewKeyring,
    "preserve-fds": preserveFds,
    diff: { type: "boolean", description: "print what would be changed in config.json, as a diff" },
    syscalls: { type: "boolean", description: "print the system calls of each step" },
    json: { type: "boolean", description: "print everything as JSON" },
  },
  details: `It tells the id maps and where each comes from, what of the config is changed for a caller without root and the
reason, the cgroup, and the steps of the container's init with the part of the config that each is for.`,
  run({ args, data }) {
    if (args.diff && (args.json || args.syscalls)) {
      throw new BrunError("--diff stands alone", { hint: "leave out --json and --syscalls" });
    }
    const explanation = explain(viewRuntime(data), {
      id: args["container-id"] ?? "example",
      bundle: args.bundle || ".",
      config: args.config,
      noPivot: args["no-pivot"],
      noNewKeyring: args["no-new-keyring"],
      preserveFds: args["preserve-fds"] ?? 0,
    });
    if (args.json) print(`${toJson(explanation, "  ")}\n`);
    else if (args.diff) print(explanationDiff(explanation));
    else print(explanationText(explanation, args.syscalls, marks()));
  },
});

function marks(): Marks {
  if (!isTerminal(1) || process.env.NO_COLOR) return plain;
  const { colors } = require("consola/utils") as typeof import("consola/utils");
  return { title: colors.bold, dim: colors.dim };
}
