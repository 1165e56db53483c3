/**
 * Why a container's program could not be executed. The brun that made the container has ended by then. So the stage writes its
 * failure message into exec.fifo, after the byte by which `start` let it go on.
 */
import type { BrunError } from "../../errors.ts";
import { layout } from "../../plan/layout.ts" with { type: "macro" };
import type { Op } from "../../plan/operation.ts";
import type { Step } from "../../plan/step.ts";
import { describeFailure } from "../../stage/failure.ts";
import { IOCTL } from "../../sys/constants.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { close, O, tryOpen } from "../../sys/fs.ts";
import { loadExecInfo, type StoredState } from "../state/store.ts";

const at = layout("failure");
/** After the one byte and the message's header. */
const FAILURE_AT = 1 + layout("messageHeader").sizeof;
const FAILURE_SIZE = layout("failure").sizeof;

/** The step that has failed. */
export interface StartFailure {
  readonly error: BrunError;
  /** A startContainer hook has failed, so the container has to be destroyed (runtime.md#lifecycle, step 8). */
  readonly hook: boolean;
}

/**
 * The failure that is in the FIFO; null when the program has been executed.
 * @param fd the FIFO's writing end, with its reader gone
 */
export function startFailure(root: string, stored: StoredState, fd: number): StartFailure | null {
  const unread = new Int32Array(1);
  if (syscall(NR.ioctl, fd, IOCTL.FIONREAD, unread) < 0 || unread[0]! < FAILURE_AT + FAILURE_SIZE)
    return null;
  const reader = tryOpen(`/proc/self/fd/${fd}`, O.RDONLY | O.NONBLOCK);
  if (reader < 0) return null;
  const bytes = new Uint8Array(FAILURE_AT + FAILURE_SIZE);
  const n = syscall(NR.read, reader, bytes, bytes.length);
  close(reader);
  return n < bytes.length ? null : decode(root, stored, new DataView(bytes.buffer, FAILURE_AT));
}

function decode(root: string, stored: StoredState, view: DataView): StartFailure {
  const [op, errno] = [view.getUint32(at.op, true), view.getInt32(at.error, true)];
  const detail = Number(view.getBigInt64(at.detail, true));
  const index = stored.startHooks?.findIndex(([at]) => at === op) ?? -1;
  const what = index < 0 ? executing(root, stored) : hook(stored, index);
  return { error: describeFailure(what, errno, detail), hook: index >= 0 };
}

function hook(stored: StoredState, index: number): Op {
  const step: Step = { kind: "hook", path: stored.startHooks![index]![1] };
  return { kind: "spawn", name: "", args: [], where: `hooks.startContainer[${index}]`, step };
}

function executing(root: string, { id }: StoredState): Op {
  const file = loadExecInfo(root, id).process.args?.[0] ?? "";
  return { kind: "execute", name: "", args: [], where: "process.args[0]", step: { kind: "execute", file } };
}
