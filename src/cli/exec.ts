/** `brun exec`. */
import { exec } from "../container/lifecycle/exec.ts";
import { BrunError } from "../errors.ts";
import { EXEC_FAILED } from "../plan/abi.ts";
import { defineCommand } from "./command.ts";
import { absoluteIfGiven } from "./container-flags.ts";
import { openRuntime } from "./globals.ts";
import { execFlags, hotCommands } from "./hot-flags.ts";

export default defineCommand({
  meta: { name: "exec", description: "run one more process in a container" },
  args: execFlags,
  details: `Flags end at the container's id: what follows is the command's own. The exit code is that of the process, or
255 when it could not be started.

EXAMPLE
  brun exec -it web sh
  brun exec -e LANG=C --user 1000 web ls /`,
  failureCode: EXEC_FAILED,
  short: hotCommands.exec.short,
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
