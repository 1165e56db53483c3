/** `brun stop`: a signal, time to end, then SIGKILL. */
import { BrunError } from "../../errors.ts";
import { close } from "../../sys/fs.ts";
import { hasEnded, openResult } from "../io/kept-process.ts";
import { openProcess, signalProcess, waitForEnd } from "../state/process.ts";
import { statusOf } from "../state/status.ts";
import { requireState } from "../state/store.ts";
import type { Runtime } from "../types.ts";
import { killAndWait } from "./terminate.ts";

/** How long the supervisor may take to write the rest of the output, in milliseconds. */
const REST_MS = 2000;
const PAUSE_MS = 5;

type SignalOf = (annotations: Readonly<Record<string, string>>) => number;

/**
 * Ends a container; one that has ended already is no error.
 * @param signalOf the signal to begin with, by the container's annotations
 * @param patienceMs milliseconds between the signal and SIGKILL
 * Throws a BrunError.
 */
export function stop(rt: Runtime, id: string, signalOf: SignalOf, patienceMs: number): void {
  const stored = requireState(rt.root, id);
  const status = statusOf(rt.root, stored);
  if (status === "creating" || status === "paused") {
    const paused = status === "paused";
    throw new BrunError(`cannot stop container ${id}: it is ${paused ? "paused" : "still being made"}`, {
      code: "ERR_STATE",
      hint: paused ? `\`brun resume ${id}\` lets it go on, \`brun kill ${id} KILL\` ends it` : undefined,
    });
  }
  const result = openResult(rt.root, stored);
  const pidfd = openProcess(stored.pid, stored.startTime);
  if (pidfd >= 0) {
    signalProcess(pidfd, signalOf(stored.annotations ?? {}));
    const ended = waitForEnd(pidfd, stored.pid, stored.startTime, patienceMs);
    close(pidfd);
    if (!ended) killAndWait(stored);
  }
  if (result < 0) return;
  for (let waited = 0; !hasEnded(result) && waited < REST_MS; waited += PAUSE_MS) Bun.sleepSync(PAUSE_MS);
  close(result);
}
