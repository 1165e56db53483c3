/** The last steps of any process in a container, both of its first one and of those of `exec`. */

import type { Hook, Process } from "../spec/index.ts";
import type { ProcessContext } from "./context.ts";
import {
  becomeInit,
  closeOthers,
  dieWithParent,
  environment,
  environmentArray,
  execute,
  fileOf,
  findExecutable,
  installSeccomp,
  searchPath,
  waitForStart,
} from "./exec.ts";
import { giveStdio } from "./give-stdio.ts";
import { runHooks } from "./hooks.ts";
import { identity, noNewPrivileges } from "./identity.ts";
import { rlimits, umask } from "./limits.ts";
import { placement } from "./placement.ts";
import { securityLabels } from "./security-labels.ts";
import { enterDirectory, verifyDirectory } from "./working-directory.ts";

/** The startContainer hooks, and the state that they get. */
export interface StartHooks {
  readonly hooks: readonly Hook[];
  readonly state: string;
}

/**
 * Becomes the process's user, checks what can be checked, waits for brun, and executes the program. The seccomp
 * filter is installed as late as possible, since it may refuse the calls of earlier steps. Only the startContainer
 * hooks, the init and execve(2) run under it.
 */
export function finish(x: ProcessContext, process: Process, start: StartHooks | null): void {
  const { seccomp } = x.config;
  const env = environment(x, process);
  const file = fileOf(x, process);
  const path = searchPath(x, env);
  const envp = environmentArray(x, env, process.user?.uid ?? 0);
  closeOthers(x);
  const uid = process.user?.uid ?? 0;
  if (uid !== 0 || x.anyUser) {
    x.b.at("process.user.uid", { kind: "giveStdio" });
    giveStdio(x, uid);
  }
  rlimits(x, process);
  placement(x, process);
  if (process.noNewPrivileges) noNewPrivileges(x);
  const retryDirectory = enterDirectory(x, process);
  identity(x, process);
  retryDirectory();
  verifyDirectory(x);
  umask(x, process);
  findExecutable(x, file, path);
  securityLabels(x, process);
  dieWithParent(x);
  // An agent that gets notifications needs brun to pass the descriptor on, and brun may end after waitForStart.
  if (seccomp?.notify) installSeccomp(x, seccomp);
  waitForStart(x);
  if (seccomp && !seccomp.notify) installSeccomp(x, seccomp);
  if (start !== null) x.startHooks = runHooks(x, start.hooks, "hooks.startContainer", start.state, envp);
  // The init is under the filter, too: otherwise the program could take it over.
  becomeInit(x, env, envp);
  execute(x, file, path, process, envp);
}
