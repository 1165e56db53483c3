/** `brun exec`. */
import { exec } from "../container/exec.ts";
import { BrunError } from "../errors.ts";
import { defineCommand } from "./command.ts";
import {
  absoluteIfGiven,
  consoleSocket,
  containerId,
  pidFile,
  pidfdSocket,
  preserveFds,
  timing,
} from "./container-flags.ts";
import { openRuntime } from "./globals.ts";

/** runc's exit code when the process could not be started, so that it is not taken for the process's own. */
const FAILED = 255;

export default defineCommand({
  meta: { name: "exec", description: "run one more process in a container" },
  args: {
    "container-id": containerId,
    command: { type: "positional", required: false, rest: true, description: "program and its arguments" },
    cwd: { type: "string", alias: "w", valueHint: "dir", description: "working directory in the container" },
    workdir: { type: "string", valueHint: "dir", description: "podman's name of --cwd" },
    interactive: { type: "boolean", alias: "i", description: "podman's; the process has our stdin anyway" },
    env: {
      type: "string",
      alias: "e",
      multiple: true,
      valueHint: "name=value",
      description: "set an environment variable (again for more)",
    },
    tty: { type: "boolean", alias: "t", description: "give it a terminal of its own" },
    user: {
      type: "string",
      alias: "u",
      valueHint: "user[:group]",
      description: "who runs it: ids, or names of the container",
    },
    "additional-gids": {
      type: "string",
      alias: "g",
      multiple: true,
      integer: true,
      valueHint: "gid",
      description: "one more group (again for more)",
    },
    process: {
      type: "string",
      alias: "p",
      valueHint: "file",
      description: "take everything from this JSON, shaped as process in config.json",
    },
    detach: { type: "boolean", alias: "d", description: "return when the process has started" },
    "pid-file": pidFile,
    "console-socket": consoleSocket,
    "pidfd-socket": pidfdSocket,
    "process-label": { type: "string", valueHint: "label", description: "SELinux label" },
    apparmor: { type: "string", valueHint: "profile", description: "AppArmor profile" },
    "no-new-privs": { type: "boolean", optional: true, description: "setuid programs gain nothing" },
    cap: {
      type: "string",
      alias: "c",
      multiple: true,
      valueHint: "capability",
      description: "add a capability (again for more)",
    },
    "preserve-fds": preserveFds,
    cgroup: {
      type: "string",
      multiple: true,
      valueHint: "[controllers:]path",
      description: "run in this sub-cgroup of the container",
    },
    "ignore-paused": { type: "boolean", description: "also in a paused container" },
    timing,
  },
  details: `Flags end at the container's id: what follows is the command's own. The exit code is that of the process, or
255 when it could not be started.

EXAMPLE
  brun exec -it web sh
  brun exec -e LANG=C --user 1000 web ls /`,
  failureCode: FAILED,
  short: true,
  others: { privileged: "--cap CAPABILITY adds one", l: "name the container", latest: "name the container" },
  retell: async (error, argv) => (await import("./program-words.ts")).hintForExec(error, argv),
  run({ args, data }) {
    if (args.command.length === 0 && !args.process) {
      throw new BrunError("exec args cannot be empty", {
        hint: `a program follows the id: brun exec -it ${args["container-id"]} sh; or --process FILE says what runs`,
      });
    }
    return exec(openRuntime(data, args.timing), {
      id: args["container-id"],
      process: args.process || undefined,
      args: args.command,
      cwd: args.cwd || args.workdir || undefined,
      env: args.env,
      tty: args.tty,
      user: args.user || undefined,
      additionalGids: args["additional-gids"],
      detach: args.detach,
      pidFile: absoluteIfGiven(args["pid-file"]),
      consoleSocket: args["console-socket"] || undefined,
      pidfdSocket: args["pidfd-socket"] || undefined,
      preserveFds: args["preserve-fds"] ?? 0,
      noNewPrivs: args["no-new-privs"],
      caps: args.cap,
      processLabel: args["process-label"] || undefined,
      apparmor: args.apparmor || undefined,
      cgroup: args.cgroup,
      ignorePaused: args["ignore-paused"],
    });
  },
});
