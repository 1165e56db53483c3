/** `brun wait`: the exit code of a container that is detached. */
import { BrunError } from "../../errors.ts";
import { awaitSupervisor, exitCodeOf, openResult } from "../io/kept-process.ts";
import { requireState } from "../state/store.ts";
import type { Runtime } from "../types.ts";

/** Waits for the end of a container, which may have been before, and returns its exit code. Throws a BrunError. */
export function wait(rt: Runtime, id: string): number {
  const stored = requireState(rt.root, id);
  const result = openResult(rt.root, stored);
  if (result < 0) {
    throw new BrunError(`the exit code of container ${id} goes to whoever made it, and is not kept`, {
      code: "ERR_STATE",
      hint: "that of brun run --detach with --host or --rootfs is",
    });
  }
  awaitSupervisor(result);
  return exitCodeOf(result, id);
}
