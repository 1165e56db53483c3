/** `brun exec`: a further process in a running container. */
import type { ExecConfig, SeccompFilter } from "../../config/types.ts";
import { BrunError, type ErrorDetails } from "../../errors.ts";
import { setnsInit } from "../../init/setns.ts";
import { EXEC_FAILED } from "../../plan/abi.ts";
import { localPlan, runLocal, unexpected } from "../../plan/local.ts";
import type { Program } from "../../plan/program.ts";
import { Message } from "../../stage/messages.ts";
import { Session } from "../../stage/session.ts";
import { becomeSupervisor } from "../../stage/supervise.ts";
import { PR } from "../../sys/constants.ts";
import { E } from "../../sys/errno.ts";
import { SysError } from "../../sys/error.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { close } from "../../sys/fs.ts";
import { keepSignals } from "../../sys/interrupt.ts";
import { processFacts } from "../host/facts.ts";
import { Console } from "../io/console.ts";
import { preservedFds } from "../io/descriptors.ts";
import { listenFds } from "../io/listen-fds.ts";
import { writePidFile } from "../io/pid-file.ts";
import { sendPidfd } from "../io/pidfd-socket.ts";
import { sendToAgent } from "../io/seccomp-agent.ts";
import { hostTerminal } from "../io/terminal.ts";
import { runInitiallyOn } from "../resources/exec-affinity.ts";
import { enterForExec } from "../resources/exec-cgroup.ts";
import { type PermittedProcess, permitLimits } from "../resources/exec-limits.ts";
import type { ExecInfo, SeccompListener } from "../state/exec-info.ts";
import { lookAt, statusAt } from "../state/status.ts";
import {
  loadExecInfo,
  openDirectory,
  paths,
  readStateBytes,
  requireState,
  type StoredState,
} from "../state/store.ts";
import type { ExecOptions, Runtime } from "../types.ts";
import { checkLabels } from "./decide.ts";
import { execProcess } from "./exec-process.ts";

/** SECCOMP_FILTER_FLAG_NEW_LISTENER. */
const NEW_LISTENER = 8;

/**
 * Runs a process in a container. In the foreground this process becomes the supervisor and never returns;
 * detached it returns 0. Throws a BrunError with exit code 255.
 */
export function exec(rt: Runtime, options: ExecOptions): number {
  try {
    return execOrThrow(rt, options);
  } catch (error) {
    if (error instanceof BrunError && error.exitCode !== EXEC_FAILED) {
      throw new BrunError(error.message, {
        ...error,
        ...asTyped(error, options),
        exitCode: EXEC_FAILED,
        cause: error,
      });
    }
    if (!(error instanceof BrunError) && error instanceof Error) {
      const code = error instanceof SysError ? error.code : undefined;
      throw new BrunError(error.message, { code, exitCode: EXEC_FAILED, cause: error });
    }
    throw error;
  }
}

/** Errors name the flag or the program instead of a place in a config, because the user has written no config. */
function asTyped(
  { where, hint, code }: BrunError,
  options: ExecOptions,
): Pick<ErrorDetails, "where" | "hint"> {
  const { id, process, cwd, user } = options;
  if (process !== undefined || where === undefined) return { where, hint };
  if (where.startsWith("process.args")) return { where: undefined, hint };
  if (where === "process.cwd" && cwd !== undefined) return { where: "--cwd", hint };
  if (!where.startsWith("process.user") || user === undefined) return { where, hint };
  const ids = `the container has no such id: \`brun exec ${id} cat /proc/self/uid_map\` lists those that it has`;
  return { where: "--user", hint: code === "EINVAL" ? ids : hint };
}

function execOrThrow(rt: Runtime, options: ExecOptions): number {
  const preserveFds = preservedFds(options.preserveFds);
  const stored = requireState(rt.root, options.id);
  requireRunning(rt.root, stored, options.ignorePaused);
  const info = loadExecInfo(rt.root, options.id);
  rt.mark?.("state read");
  const permitted = permitLimits(rt, execProcess(info, options, stored.pid), info.privileged);
  const { process } = permitted;
  checkLabels(process);
  const console = new Console(process.terminal === true, options.detach, options.consoleSocket);
  const session = new Session(() => [setnsInit(config, true)], { preserveFds });
  rt.mark?.("stage started");
  const seccomp = loadFilter(rt, options.id, info);
  const extraEnv = listenFds().env;
  const config = execConfig(info, stored, permitted, { seccomp, preserveFds, extraEnv });
  return runInContainer(rt, options, session, config, console, stored, info.seccomp?.listener ?? {});
}

/** The config of a process in a container; `more` is what is not the container's own. */
export function execConfig(
  info: ExecInfo,
  target: StoredState,
  { process, raised }: PermittedProcess,
  more: Pick<ExecConfig, "seccomp" | "preserveFds" | "extraEnv">,
): ExecConfig {
  return {
    ...more,
    id: target.id,
    privileged: info.privileged,
    setgroups: info.setgroups,
    dropGroups: info.dropGroups,
    facts: processFacts(process),
    newKeyring: !info.oldKeyring,
    raisedLimits: raised,
    process,
    placement: info.placement,
    namespaces: info.namespaces,
    userNamespace: info.userNamespace,
    target,
  };
}

/** The plan that `exec` runs before it makes a process. */
export function execGuard(stored: StoredState, record = false): Program {
  return localPlan((local) => lookAt(local, stored, { running: null }), record);
}

/** Throws a BrunError unless the container runs, or waits for `start`. */
function requireRunning(root: string, stored: StoredState, ignorePaused: boolean): void {
  const directory = openDirectory(root, stored.id);
  const failure = runLocal((record) => execGuard(stored, record), { directory });
  close(directory);
  const status = failure && statusAt(failure);
  if (failure === null || (status === "paused" && ignorePaused)) return;
  if (status === null) throw unexpected(failure);
  const hint = {
    creating: undefined,
    paused: `add --ignore-paused, or \`brun resume ${stored.id}\``,
    stopped: `remove it by \`brun delete ${stored.id}\`, and run it again`,
  };
  const what = status === "creating" ? "container that is still being made" : `${status} container`;
  throw new BrunError(`cannot exec in a ${what}`, {
    code: "ERR_STATE",
    hint: hint[status as keyof typeof hint],
  });
}

/** The container's filter, kept beside its state. */
function loadFilter(rt: Runtime, id: string, info: ExecInfo): SeccompFilter | null {
  if (info.seccomp === undefined) return null;
  const { flags } = info.seccomp;
  const { filter } = paths(rt.root, id);
  const bpf = readStateBytes(filter);
  if (bpf === null) throw new SysError(`open ${filter}`, E.ENOENT);
  return { bpf, flags, notify: (flags & NEW_LISTENER) !== 0 };
}

function runInContainer(
  rt: Runtime,
  options: ExecOptions,
  session: Session,
  config: ExecConfig,
  console: Console,
  stored: StoredState,
  listener: SeccompListener,
): number {
  const program = setnsInit(config);
  let early = -1;
  try {
    const initialCpus = config.process.execCPUAffinity?.initial;
    if (initialCpus) runInitiallyOn(rt, initialCpus, session.stagePid);
    enterForExec(stored, options.cgroup, session.stagePid);
    if (!options.detach) syscall(NR.prctl, PR.SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    session.send(program);
    rt.mark?.("program sent");
    session.until(Message.ready, {
      [Message.console]: (fd) => console.receive(fd),
      [Message.seccomp]: (fd) => {
        sendToAgent(listener, fd, session.pid, stored, "running");
        session.resume();
      },
    });
    session.reapStage();
    if (options.pidFile !== undefined) writePidFile(options.pidFile, session.pid);
    if (options.pidfdSocket !== undefined) sendPidfd(options.pidfdSocket, session.pidfd);
    if (!options.detach) early = keepSignals();
    session.run();
    session.awaitExec();
  } catch (error) {
    session.end();
    throw error;
  }
  session.leave();
  rt.mark?.("program executed");
  if (options.detach) return 0;
  rt.client?.ready();
  try {
    return becomeSupervisor({
      pid: session.pid,
      pidfd: session.pidfd,
      terminal: console.master,
      host: console.master < 0 ? -1 : hostTerminal(),
      notify: -1,
      upstream: -1,
      early,
      client: rt.client?.lifeline,
      cleanup: null,
    });
  } catch (error) {
    session.kill();
    throw error;
  }
}
