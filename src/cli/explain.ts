/** `brun explain`. */

import { keyOfBundle } from "../container/lifecycle/cached-files.ts";
import type { CreateOptions, Runtime } from "../container/types.ts";
import { BrunError } from "../errors.ts";
import { explain } from "../explain/explain.ts";
import { explanationDiff, explanationText } from "../explain/text.ts";
import { toSharedJson } from "../spec/index.ts";
import { absolute } from "../sys/fs.ts";
import { lazy } from "../sys/lazy.ts";
import { defineCommand } from "./command.ts";
import { procOf, usernsOf } from "./container-flags.ts";
import type { Values } from "./flags.ts";
import { viewRuntime } from "./globals.ts";
import { createFlags, proc, userns } from "./hot-flags.ts";
import { marks } from "./marks.ts";
import { print, printRaw } from "./output.ts";

const cachedModule = lazy<typeof import("../explain/cached.ts")>(() => require("../explain/cached.ts"));

const {
  bundle,
  config,
  "no-pivot": noPivot,
  "no-new-keyring": noNewKeyring,
  "preserve-fds": preserveFds,
} = createFlags;

/** How the explanation is printed. */
export const explainFlags = {
  diff: { type: "boolean", description: "print what would be changed in config.json, as a diff" },
  syscalls: { type: "boolean", description: "print the system calls of each step" },
  json: { type: "boolean", description: "print everything as JSON" },
  cached: { type: "boolean", description: "print the plan that the next run uses" },
} as const;

/** Prints what `run` with these options would do. Throws a BrunError. */
export function printExplanation(
  rt: Runtime,
  { diff, syscalls, json }: Values<typeof explainFlags>,
  options: CreateOptions,
): void {
  if (diff && (json || syscalls)) {
    throw new BrunError("--diff stands alone", { hint: "leave out --json and --syscalls" });
  }
  const explanation = explain(rt, options);
  if (json) print(`${toSharedJson(explanation, "  ")}\n`);
  else if (diff) print(explanationDiff(explanation));
  else printRaw(explanationText(explanation, syscalls, marks(1)));
}

/** Prints the cached plan for the next run. `about`: the bundle's path, or the words. Throws a BrunError. */
export function printCached(
  { root }: Runtime,
  keys: readonly (readonly string[])[],
  about: string,
  json: boolean,
): void {
  const { cachedText, explainCached } = cachedModule();
  const explanation = explainCached(root, keys, about);
  if (json) print(`${toSharedJson(explanation, "  ")}\n`);
  else printRaw(cachedText(explanation, marks(1)));
}

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
    userns,
    proc,
    ...explainFlags,
    detach: { type: "boolean", alias: "d", description: "with --cached: the plan of run --detach" },
  },
  details: `It prints the id maps and where they come from, the cgroup, what it changes in the config for a caller without root and why,
and the steps of the container's init with the part of the config that each step is for. With --host or --rootfs it takes the
flags of a container without a bundle. --cached prints the plan that the last run of the bundle, or of these flags in this
directory, has left for the next run: the conditions for using it, and its operations.

EXAMPLE
  brun explain --bundle demo web
  brun explain --host -- make test`,
  run({ args, data }) {
    if (args.cached) {
      const bundle = absolute(args.bundle || ".");
      const key = keyOfBundle(bundle, args.detach, args["no-new-keyring"]);
      printCached(viewRuntime(data), [key], bundle, args.json);
      return;
    }
    printExplanation(viewRuntime(data), args, {
      id: args["container-id"] ?? "example",
      bundle: args.bundle || ".",
      config: args.config,
      noPivot: args["no-pivot"],
      noNewKeyring: args["no-new-keyring"],
      preserveFds: args["preserve-fds"] ?? 0,
      userns: usernsOf(args.userns),
      proc: procOf(args.proc),
    });
  },
});
