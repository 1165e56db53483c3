/** Hooks in the plan of a `run`. The front runs only those that have nothing to undo: they start the relay of --allow-net. */
import { keptFd } from "../../config/hook-descriptors.ts";
import { runHooks } from "../../init/hooks.ts";
import { Hole, LocalSlot } from "../../plan/file-abi.ts";
import { holeMark } from "../../plan/hole-mark.ts";
import { type Policy, type Program, ProgramBuilder, type Slot, type Str } from "../../plan/program.ts";
import type { Hook, Hooks } from "../../spec/index.ts";
import { ownCommand } from "../../sys/environment.ts";
import type { StoredState } from "../state/store.ts";
import { stateForHooks } from "./hooks.ts";

/**
 * Whether a container has just the two hooks of a relay (src/sandbox/network.ts). The relay ends with the container's
 * process, whatever becomes of brun, and nobody is told of its events.
 */
export function startRelayAlone({ createRuntime, poststop, ...others }: Hooks): boolean {
  if (Object.values(others).some((hooks) => (hooks?.length ?? 0) > 0)) return false;
  return isOneOf(createRuntime, "connect") && isOneOf(poststop, "disconnect");
}

function isOneOf(hooks: readonly Hook[] | undefined, operation: string): boolean {
  const [hook] = hooks ?? [];
  const [self] = ownCommand();
  if (hook === undefined || hooks?.length !== 1 || hook.path !== self || keptFd(hook) >= 0) return false;
  return hook.args?.slice(1, 4).join(" ") === `sandbox-hook ${operation} relay`;
}

/** Makes programs in which the container's name and its process are holes, wherever they are in a text. */
export class OpenBuilder extends ProgramBuilder {
  constructor(private readonly state: StoredState) {
    super();
  }

  override str(s: string): Str {
    const { id, pid } = this.state;
    const open = s.replaceAll(id, holeMark(Hole.id)).replace(`"pid":${pid},`, `"pid":${holeMark(Hole.pid)},`);
    return open === s ? super.str(s) : this.hole(Hole.text, open);
  }

  override write(fd: Slot | number, what: string | Uint8Array | Str, policy?: Policy): void {
    super.write(fd, typeof what === "string" ? this.str(what) : what, policy);
  }
}

/** Runs the hooks of the runtime namespace. Its first slots are those of the front. */
export function hooksProgram(state: StoredState, hooks: readonly Hook[]): Program {
  const b = new OpenBuilder(state);
  for (let i = 0; i <= LocalSlot.attach; i++) b.slot();
  runHooks({ b, hookOutput: undefined }, hooks, "hooks.createRuntime", stateForHooks(state, "creating"));
  return b.finish();
}
