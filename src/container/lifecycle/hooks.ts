/** Hooks of the runtime namespace: prestart, createRuntime, poststart, poststop (config.md#posix-platform-hooks). */

import { keepsStderr, keptFd } from "../../config/hook-descriptors.ts";
import { hookTimeoutMs } from "../../config/hook-timeout.ts";
import { BrunError } from "../../errors.ts";
import { endOfOutput } from "../../printable.ts";
import type { Hook, Hooks } from "../../spec/index.ts";
import { E, errnoText } from "../../sys/errno.ts";
import { SysError } from "../../sys/error.ts";
import { close, O, S, tryOpen, tryStat } from "../../sys/fs.ts";
import { Interrupted } from "../../sys/interrupt.ts";
import { run } from "../../sys/spawn.ts";
import type { StoredState } from "../state/store.ts";
import type { Status } from "../types.ts";

/** The error of a hook that has run, and failed. */
export class HookError extends BrunError {
  constructor(
    message: string,
    where: string,
    /** The last lines of its output. */
    readonly said: string,
  ) {
    super(`${message}${said === "" ? "" : `: ${said}`}`, { code: "ERR_HOOK", where });
  }
}

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
function runRuntimeHooks(hooks: readonly Hook[], where: string, state: string): void {
  hooks.forEach((hook, i) => {
    runHook(hook, `${where}[${i}]`, state);
  });
}

/** prestart and createRuntime hooks. Throws a BrunError at the first that fails, and an Interrupted for a signal. */
export function runCreateHooks(hooks: Hooks | undefined, state: string): void {
  runRuntimeHooks(hooks?.prestart ?? [], "hooks.prestart", state);
  runRuntimeHooks(hooks?.createRuntime ?? [], "hooks.createRuntime", state);
}

/** Runs the poststart hooks. Throws a BrunError at the first that fails. */
export function runPoststart(state: StoredState): void {
  const hooks = state.hooks?.poststart;
  if (hooks !== undefined) runRuntimeHooks(hooks, "hooks.poststart", stateForHooks(state, "running"));
}

/** Runs the poststop hooks. A hook that fails is only a warning. */
export function runPoststop(state: StoredState, warn: (message: string) => void): void {
  const hooks = state.hooks?.poststop;
  if (hooks === undefined) return;
  const json = stateForHooks(state, "stopped");
  hooks.forEach((hook, i) => {
    try {
      runHook(hook, `hooks.poststop[${i}]`, json);
    } catch (error) {
      if (error instanceof Interrupted) throw error;
      warn(error instanceof BrunError ? error.text : String(error));
    }
  });
}

function runHook(hook: Hook, where: string, state: string): void {
  const [stdout, stderr] = hookOutput(state, where);
  const output: [number, number] = [stdout, stderr < 0 && keepsStderr(hook) ? 2 : stderr];
  let result: ReturnType<typeof run>;
  try {
    result = run(
      {
        path: hook.path,
        argv: hook.args ?? [hook.path],
        env: hook.env ?? [],
        cwd: bundleOf(state),
        keepFd: keptFd(hook),
        processGroup: true,
        dieToo: true,
      },
      state,
      hookTimeoutMs(hook),
      output,
    );
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    const hint = error.errno === E.ENOENT ? "it does not exist, or its interpreter does not" : undefined;
    throw new BrunError(`cannot run the hook ${hook.path}: ${error.code}`, { code: "ERR_HOOK", where, hint });
  } finally {
    for (const fd of output) if (fd > 2) close(fd);
  }
  if (result.timedOut)
    throw new BrunError(`the hook ${hook.path} took longer than ${hook.timeout} s`, {
      code: "ERR_HOOK",
      where,
    });
  if (result.code === 0 && result.signal === 0) return;
  const how =
    result.signal === 0 ? `exited with status ${result.code}` : `was killed by signal ${result.signal}`;
  const said = endOfOutput(result.output);
  throw new HookError(`the hook ${hook.path} ${how}`, where, said);
}

/** Hooks run in the bundle, as with runc; if the bundle has been removed, in brun's current directory. */
function bundleOf(state: string): string | undefined {
  const { bundle } = JSON.parse(state) as Pick<StoredState, "bundle">;
  const found = tryStat(bundle);
  return typeof found !== "number" && (found.mode & S.IFMT) === S.IFDIR ? bundle : undefined;
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
