/** `brun restore`. */
import { restore } from "../checkpoint/restore.ts";
import { defineCommand } from "./command.ts";
import { absoluteIfGiven } from "./container-flags.ts";
import { criuFlags, criuOptions } from "./criu-flags.ts";
import { openRuntime } from "./globals.ts";
import { consoleSocket, createFlags, pidFile } from "./hot-flags.ts";

export default defineCommand({
  meta: { name: "restore", description: "let a container go on from the files of a checkpoint" },
  args: {
    ...criuFlags,
    bundle: createFlags.bundle,
    "console-socket": consoleSocket,
    "pid-file": pidFile,
    detach: { type: "boolean", alias: "d", description: "return when the container goes on" },
    "no-subreaper": {
      type: "boolean",
      description: "leave orphaned processes of the container to the caller's reaper",
    },
    "no-pivot": {
      type: "boolean",
      hidden: true,
      description: "ignored; CRIU changes the root in its own way",
    },
    "lsm-profile": {
      type: "string",
      valueHint: "type:name",
      description: "profile of the security module to have from now on: apparmor:NAME",
    },
    "lsm-mount-context": {
      type: "string",
      valueHint: "label",
      description: "another SELinux label for mounts",
    },
  },
  details: `The bundle has to be the same or a copy, because CRIU finds open files by their paths. The prestart and createRuntime
hooks run again, the startContainer and poststart hooks do not.

EXAMPLE
  brun restore --bundle demo --image-path saved web`,
  run({ args, data }) {
    return restore(openRuntime(data), {
      ...criuOptions(args),
      bundle: args.bundle || ".",
      consoleSocket: args["console-socket"] || undefined,
      pidFile: absoluteIfGiven(args["pid-file"]),
      detach: args.detach,
      noSubreaper: args["no-subreaper"],
      lsmProfile: args["lsm-profile"] ?? "",
      lsmMountContext: args["lsm-mount-context"] ?? "",
    });
  },
});
