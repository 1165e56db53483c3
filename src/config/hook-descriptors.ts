/**
 * The descriptors of brun that hooks of its own keep. Such a hook can write to the stderr of the command
 * that starts the container.
 */
import type { Hook } from "../spec/index.ts";
import { any } from "../sys/lists.ts";

/**
 * A variable in the environment of such a hook: the hook writes to the stderr of brun. The output of other hooks
 * is kept, and shown if they fail.
 */
export const KEEPS_STDERR = "BRUN_HOOK_STDERR=inherit";

/** Whether a hook is one. */
export function keepsStderr({ env }: Hook): boolean {
  return any(env, (entry) => entry === KEEPS_STDERR);
}

const KEPT = "BRUN_HOOK_FD=";

/** A variable in the environment of a hook: the hook keeps this descriptor of brun, under the same number. */
export function keepsFd(fd: number): string {
  return `${KEPT}${fd}`;
}

/** The descriptor that a hook in the runtime namespace keeps; -1 for none. */
export function keptFd({ env }: Hook): number {
  for (const entry of env ?? []) if (entry.startsWith(KEPT)) return Number(entry.slice(KEPT.length));
  return -1;
}
