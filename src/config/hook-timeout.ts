/** In a file of its own: `start` and `delete` run hooks without loading the init compiler. */
import type { Hook } from "../spec/index.ts";

/** Time-out of a hook in milliseconds; -1: none. The spec's is in seconds. */
export function hookTimeoutMs(hook: Hook): number {
  return hook.timeout === undefined ? -1 : Number(hook.timeout) * 1000;
}
