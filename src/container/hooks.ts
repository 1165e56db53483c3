/** Hooks of the runtime namespace: prestart, createRuntime, poststart, poststop (config.md#posix-platform-hooks). */

import { hookTimeoutMs } from "../config/hook-timeout.ts";
import { BrunError } from "../errors.ts";
import type { Hook } from "../spec/index.ts";
import { E, errnoText } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { close, O, tryOpen } from "../sys/fs.ts";
import { run } from "../sys/spawn.ts";
import type { StoredState } from "./store.ts";
import type { Status } from "./types.ts";

/** The state that hooks get on stdin (runtime.md#state). */
export function stateForHooks(state: StoredState, status: Status): string {
  return JSON.stringify({
    ociVersion: state.ociVersion,
    id: state.id,
    status,
    pid: status === "stopped" ? undefined : state.pid,
    bundle: state.bundle,
    annotations: state.annotations,
  });
}

/** Runs hooks in order. Throws a BrunError at the first that fails, with the end of what it printed. */
export function runRuntimeHooks(hooks: readonly Hook[], where: string, state: string): void {
  hooks.forEach((hook, i) => {
    runHook(hook, `${where}[${i}]`, state);
  });
}

/** The hooks of a container that has started. Throws a BrunError at the first that fails. */
export function runPoststart(state: StoredState): void {
  const hooks = state.hooks?.poststart;
  if (hooks !== undefined) runRuntimeHooks(hooks, "hooks.poststart", stateForHooks(state, "running"));
}

/** The hooks of a container that is gone: one that fails is only a warning. */
export function runPoststop(state: StoredState, warn: (message: string) => void): void {
  const hooks = state.hooks?.poststop;
  if (hooks === undefined) return;
  const json = stateForHooks(state, "stopped");
  hooks.forEach((hook, i) => {
    try {
      runHook(hook, `hooks.poststop[${i}]`, json);
    } catch (error) {
      warn(error instanceof BrunError ? error.text : String(error));
    }
  });
}

function runHook(hook: Hook, where: string, state: string): void {
  const output = hookOutput(state, where);
  let result: ReturnType<typeof run>;
  try {
    result = run(
      { path: hook.path, argv: hook.args ?? [hook.path], env: hook.env ?? [], processGroup: true },
      state,
      hookTimeoutMs(hook),
      output,
    );
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    const hint = error.errno === E.ENOENT ? "it does not exist, or its interpreter does not" : undefined;
    throw new BrunError(`cannot run the hook ${hook.path}: ${error.code}`, { code: "ERR_HOOK", where, hint });
  } finally {
    for (const fd of output) if (fd >= 0) close(fd);
  }
  if (result.timedOut)
    throw new BrunError(`the hook ${hook.path} took longer than ${hook.timeout} s`, {
      code: "ERR_HOOK",
      where,
    });
  if (result.code === 0 && result.signal === 0) return;
  const how =
    result.signal === 0 ? `exited with status ${result.code}` : `was killed by signal ${result.signal}`;
  const said = result.output.trim().split("\n").slice(-3).join(" / ").slice(-400);
  throw new BrunError(`the hook ${hook.path} ${how}${said === "" ? "" : `: ${said}`}`, {
    code: "ERR_HOOK",
    where,
  });
}

/** Descriptors of the files that the annotations name for stdout and stderr; -1 for a stream without one. */
function hookOutput(state: string, where: string): [number, number] {
  if (!state.includes('"run.oci.hooks.')) return [-1, -1];
  const { annotations } = JSON.parse(state) as Pick<StoredState, "annotations">;
  const open = (stream: "stdout" | "stderr"): number => {
    const path = annotations?.[`run.oci.hooks.${stream}`];
    if (!path) return -1;
    const fd = tryOpen(path, O.WRONLY | O.CREAT | O.APPEND, 0o700);
    if (fd >= 0) return fd;
    throw new BrunError(`cannot open ${path} for its output: ${errnoText(-fd)}`, { where });
  };
  return [open("stdout"), open("stderr")];
}
