/** The plans of `exec` for the stage, for any words. */
import type { ContainerConfig } from "../../config/types.ts";
import { DEFAULT_UMASK } from "../../init/limits.ts";
import { setnsInit } from "../../init/setns.ts";
import type { Program } from "../../plan/program.ts";
import type { Process } from "../../spec/index.ts";
import { toJson } from "../../spec/json.ts";
import { permitLimits } from "../resources/exec-limits.ts";
import type { ExecInfo } from "../state/exec-info.ts";
import type { StoredState } from "../state/store.ts";
import type { Runtime } from "../types.ts";
import { execConfig } from "./exec.ts";

/** Stands in the template for the words. */
const WORD = "word";

/**
 * For the stage, without a terminal and with one: their holes are the words and the working directory; null for what depends on who
 * calls `exec`, and on more than the container.
 */
export function execTemplate(
  rt: Runtime,
  config: ContainerConfig,
  state: StoredState,
  info: ExecInfo,
): readonly [plain: Program, terminal: Program] | null {
  const { process } = info;
  if (config.seccomp?.notify || process.execCPUAffinity?.initial) return null;
  if (process.apparmorProfile || process.selinuxLabel) return null;
  let warned = false;
  const warn = () => {
    warned = true;
  };
  const { consoleSize: _size, ...rest } = process;
  const plain: Process = { ...rest, terminal: false, args: [WORD] };
  const permitted = permitLimits({ ...rt, warn }, plain, info.privileged);
  if (warned) return null;
  const { seccomp } = config;
  const given = execConfig(info, state, permitted, { seccomp, preserveFds: 0, extraEnv: [] });
  const made = { ...given, enters: state.cgroup };
  // The terminal's size is known when somebody calls.
  return [setnsInit(made), setnsInit({ ...made, process: { ...made.process, terminal: true } })];
}

/**
 * The files of `exec --process` that these plans are for, without what is filled in: JSON as engines write it (json.Marshal of
 * Go). There are two where the process has the default umask, which podman leaves out of the file.
 */
export function templateProcesses({ process }: ExecInfo): string[] {
  const { args: _args, env: _env, cwd: _cwd, terminal: _terminal, consoleSize: _size, ...rest } = process;
  const { umask, ...user } = process.user ?? {};
  const texts = [toJson(rest, "")];
  if (umask === DEFAULT_UMASK) texts.push(toJson({ ...rest, user }, ""));
  return texts;
}
