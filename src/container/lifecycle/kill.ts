/** `brun kill`: a signal for the container's process, or for all of its processes. */
import { BrunError } from "../../errors.ts";
import { Hole } from "../../plan/file-abi.ts";
import { type LocalFailure, localPlan, runLocal, unexpected } from "../../plan/local.ts";
import type { Program } from "../../plan/program.ts";
import { E } from "../../sys/errno.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { close } from "../../sys/fs.ts";
import { cgroups } from "../resources/cgroup.ts";
import { thaw } from "../resources/freezer.ts";
import { holdNamespace, signalAllIn } from "../state/own-namespace.ts";
import { isAlive } from "../state/process.ts";
import { processes } from "../state/ps.ts";
import { statusAt, statusOf } from "../state/status.ts";
import { requireState, type StoredState } from "../state/store.ts";
import type { Runtime } from "../types.ts";
import { holdProcess, killAndWait, SIGKILL } from "./terminate.ts";

/**
 * Sends a signal. With `all` to every process of the container, also when its first process has ended.
 * Throws a BrunError "container not running" when there is nothing to signal.
 */
export function kill(rt: Runtime, id: string, signal: number, all: boolean): void {
  const stored = requireState(rt.root, id);
  if (stored.creating && statusOf(rt.root, stored) === "creating") {
    throw new BrunError("cannot signal a container that is still being made", {
      code: "ERR_STATE",
      hint: "end the brun that makes it: it undoes what it has done",
    });
  }
  const failure = all ? null : runLocal((record) => killPlan(stored, record), { signal });
  if (all || failure?.step === "isForAll") killEach(rt, stored, signal);
  else if (failure !== null) throw explained(failure);
}

/** The plan of `kill`: a signal for the first process. SIGKILL goes to all processes if they would outlive the first one. */
export function killPlan(stored: StoredState, record = false): Program {
  return localPlan((local) => {
    const { b, signal, at, end } = local;
    const [byPid, refused, sent] = [b.label(), b.label(), b.label()];
    const kills = b.reserve(8, "signal");
    b.poke(kills, signal, 8);
    if (stored.sharesPids) {
      const one = b.label();
      at("isForAll");
      b.check(kills, 4, 0xffffffff, SIGKILL, E.EAGAIN, { handle: [E.EAGAIN], orElse: one });
      b.fail(E.EAGAIN);
      b.mark(one);
    }
    const pidfd = holdProcess(local, stored, undefined, byPid);
    at("signal");
    const call = [pidfd, signal, null, 0] as const;
    b.sys("pidfd_send_signal", call, { handle: [E.ENOSYS, E.EPERM], orElse: refused, andThen: sent });
    b.mark(refused);
    b.mark(byPid);
    b.sys("kill", [b.number(Hole.pid, stored.pid), signal]);
    b.mark(sent);
    if (stored.cgroup?.version !== 1) return;
    // On cgroup v1 a frozen process does not die before it thaws.
    b.check(kills, 4, 0xffffffff, SIGKILL, E.EAGAIN, { handle: [E.EAGAIN], orElse: end });
    thaw(local, stored.cgroup);
  }, record);
}

function explained(failure: LocalFailure): BrunError {
  if (statusAt(failure) === "stopped") return new BrunError("container not running", { code: "ERR_STATE" });
  if (failure.step === "signal" && failure.errno === E.ESRCH)
    return new BrunError("process already finished", { code: "ERR_STATE" });
  return unexpected(failure);
}

/** Sends it to each process that can be found; the first one may have ended. */
function killEach(rt: Runtime, stored: StoredState, signal: number): void {
  const { id, pid, startTime, cgroup, namespace } = stored;
  if (cgroup !== undefined) cgroups().signalAll(cgroup, signal);
  else if (namespace === undefined) {
    for (const other of processes(rt, id)) if (other !== pid) syscall(NR.kill, other, signal);
    const failure = runLocal((record) => killPlan({ ...stored, sharesPids: undefined }, record), { signal });
    if (failure !== null && statusAt(failure) !== "stopped") throw explained(failure);
  } else if (signal === SIGKILL) killAndWait(stored);
  else {
    const held = holdNamespace(stored, isAlive(pid, startTime));
    if (held !== null) signalAllIn(held.own, signal);
    if (held !== null && held.fd >= 0) close(held.fd);
  }
}
