/** Programs without a container. */
import { checkArgs, checkConfineOptions, sandboxFlags } from "./options.ts";
import {
  isRead,
  type OutputMode,
  type Process,
  type StdinMode,
  type StdioOptions,
  startProcess,
} from "./process.ts";
import type { RuntimeOptions } from "./runtime.ts";
import type { FromHost } from "./spec.ts";
import { type Starting, starting } from "./starting.ts";

/**
 * Options of {@link confine}. They are the flags of `brun run --host --landlock`. The program changes real files: in `workdir`,
 * by default the current directory, in `rw`, and in its TMPDIR.
 */
export interface ConfineOptions
  extends Pick<
    FromHost,
    "args" | "rw" | "hide" | "withSecrets" | "workdir" | "env" | "envFile" | "ulimit" | "umask"
  > {
  /** TCP ports that the program may connect to; by default none. */
  readonly connectPort?: string | readonly string[] | undefined;
}

/**
 * Runs a program on this machine, restricted by landlock(7) and a filter of system calls: where a user cannot make
 * containers. It is weaker than a container (docs/sandbox.md). Resolves when the program is started; an executable that the
 * kernel refuses is an error of {@link Process.wait}. `onWarning` hears what the kernel's version of landlock lacks. If your
 * program ends, the program is killed, but not other processes that it has left behind.
 * @throws BrunError the error of `brun run --host --landlock`; nothing is left behind
 */
export function confine<
  In extends StdinMode = "ignore",
  Out extends OutputMode = "pipe",
  Err extends OutputMode = "pipe",
>(options: ConfineOptions & RuntimeOptions & StdioOptions<In, Out, Err>): Starting<Process<In, Out, Err>> {
  return starting(start(options));
}

async function start<In extends StdinMode, Out extends OutputMode, Err extends OutputMode>(
  options: ConfineOptions & RuntimeOptions & StdioOptions<In, Out, Err>,
): Promise<Process<In, Out, Err>> {
  checkArgs(options.args);
  checkConfineOptions(options);
  const interactive = isRead(options) ? ["--interactive"] : [];
  const flags = ["--host", "--landlock", ...interactive, ...sandboxFlags(options)];
  return startProcess(options, ["run", ...flags, "--", ...options.args], undefined, {}, true);
}
