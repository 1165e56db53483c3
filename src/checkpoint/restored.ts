/** A container while CRIU restores it. It reacts to CRIU's notifications as `run` does to messages of the stage. */
import type { ContainerConfig } from "../config/types.ts";
import type { Console } from "../container/io/console.ts";
import { execInfoOf } from "../container/lifecycle/exec-facts.ts";
import { runCreateHooks, stateForHooks } from "../container/lifecycle/hooks.ts";
import { joinIntelRdt } from "../container/lifecycle/launch.ts";
import { cgroups, enterDelegatedPart, limitCgroup, makeCgroup } from "../container/resources/cgroup.ts";
import { newState } from "../container/state/new-state.ts";
import { type StoredState, saveExecInfo, saveState } from "../container/state/store.ts";
import type { Runtime } from "../container/types.ts";
import { BrunError } from "../errors.ts";
import { CLONE } from "../sys/constants.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close, readlink, readText } from "../sys/fs.ts";
import { waitChild } from "../sys/spawn.ts";
import { bringUpLoopback } from "./loopback.ts";
import type { CriuOptions } from "./rpc.ts";

const SIGKILL = 9;

export class Restored {
  private pid = -1;
  private state: StoredState | null = null;
  /** The state once hooks have begun to run, so that poststop hooks are needed; null before. */
  hooked: StoredState | null = null;

  constructor(
    private readonly rt: Runtime,
    readonly config: ContainerConfig,
    readonly console: Console,
  ) {}

  /** Makes the cgroup and puts CRIU into it, whose children inherit it. Returns the cgroups to restore into. */
  enterCgroup(criu: number): CriuOptions["cgRoot"] {
    const { config, rt } = this;
    const plan = config.cgroup;
    if (plan === null) return undefined;
    makeCgroup(rt, config, plan, criu);
    if (plan.systemd === undefined) {
      for (const directory of Object.values(plan.paths)) cgroups().moveInto(directory, criu);
    }
    const own = cgroups().ownPaths(readText(`/proc/${criu}/cgroup`));
    return [...own].map(([ctrl, path]) => ({ ctrl, path }));
  }

  /** Handles a notification, see {@link Notified}. Throws a BrunError or SysError. */
  notified(script: string, pid: number, fd: number): void {
    switch (script) {
      case "setup-namespaces":
        this.runHooks(pid);
        break;
      case "orphan-pts-master":
        if (this.console.wanted) this.console.receive(fd);
        else close(fd);
        break;
      case "post-restore":
        this.hasProcess(pid);
        break;
    }
  }

  private runHooks(pid: number): void {
    const { config, rt } = this;
    const state = newState(config, pid);
    saveState(rt.root, { ...state, creating: true });
    if ((config.cloneFlags & CLONE.NEWNET) !== 0) bringUpLoopback(pid);
    const json = stateForHooks(state, "creating");
    this.hooked = state;
    runCreateHooks(config.spec.hooks, json);
  }

  /** The processes exist now, but do not run yet. */
  private hasProcess(pid: number): void {
    const { config, rt } = this;
    this.pid = pid;
    enterDelegatedPart(config, pid);
    if (config.cgroup !== null) limitCgroup(rt, config, config.cgroup, pid);
    const info = execInfoOf(config);
    saveExecInfo(rt.root, config.id, { ...info, namespaces: info.namespaces | timeNamespace(pid) });
    this.state = joinIntelRdt(config, newState(config, pid));
    saveState(rt.root, this.state);
  }

  /** The container's state. Throws a BrunError if CRIU has not reported a process. */
  requireState(): StoredState {
    if (this.state !== null) return this.state;
    throw new BrunError("criu has restored no process");
  }

  /** Kills the restored process. */
  kill(): void {
    if (this.pid < 0) return;
    syscall(NR.kill, this.pid, SIGKILL);
    waitChild(this.pid);
  }
}

/** CLONE_NEWTIME if CRIU has restored into a time namespace, which keeps clocks going; `exec` then has to join it. */
function timeNamespace(pid: number): number {
  return readlink(`/proc/${pid}/ns/time`) === readlink("/proc/self/ns/time") ? 0 : CLONE.NEWTIME;
}
