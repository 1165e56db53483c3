/** A separate file, so that `start` and `delete` can run hooks without loading the init compiler. */
import type { Hook } from "../spec/index.ts";

/** Time-out of a hook in milliseconds; -1 for none. The spec gives seconds. */
export function hookTimeoutMs(hook: Hook): number {
  return hook.timeout === undefined ? -1 : Number(hook.timeout) * 1000;
}
