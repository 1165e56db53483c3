/** Setns init: the program of a process that joins a running container (`exec`). */
import type { ExecConfig } from "../config/types.ts";
import { Hole } from "../plan/file-abi.ts";
import { type Program, ProgramBuilder, type Slot } from "../plan/program.ts";
import { CLONE } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { AT_FDCWD, O } from "../sys/fs.ts";
import { openPty, takeTerminal } from "./console.ts";
import { hide, hideAgain, type InitContext, initContext } from "./context.ts";
import { enterCgroup } from "./exec-cgroup.ts";
import { finish } from "./finish.ts";
import { oomScore, raiseLimits } from "./limits.ts";
import { dropGroups, sessionKeyring } from "./namespaces.ts";
import { finalAffinity } from "./placement.ts";
import { openLabels } from "./security-labels.ts";

/** Compiles an exec. Pure. Throws a RangeError if a string contains a NUL byte. */
export function setnsInit(config: ExecConfig, record = false): Program {
  const b = new ProgramBuilder(record);
  const x: InitContext<ExecConfig> = initContext(config, b);
  const { process } = config;
  x.anyUser = true;
  if (config.enters !== undefined) enterCgroup(b, config.enters);
  oomScore(x, process);
  raiseLimits(x);
  b.at("exec", { kind: "hideFromContainer" });
  hide(x);
  openLabels(x, process);
  dropGroups(x);
  if (config.namespaces !== 0) joinNamespaces(x);
  b.at("exec", { kind: "forkIntoContainer" });
  b.clone(0, null);
  b.at("process", { kind: "session" });
  b.sys("setsid", []);
  becomeContainerRoot(x);
  sessionKeyring(x);
  b.at("exec", { kind: "openContainerRoot" });
  b.get("openat", [AT_FDCWD, b.str("/"), O.PATH | O.DIRECTORY | O.CLOEXEC, 0], { out: x.root });
  if (process.terminal) takeTerminal(x, openPty(x, x.root, process.user?.uid ?? 0, terminalSize(x)));
  finalAffinity(x, process);
  finish(x, process, null);
  return b.finish();
}

/**
 * Opens the container's process, and then checks that it is still the same one: an open descriptor cannot come to
 * mean another process. Without pidfds a directory of procfs is used.
 */
function openTarget(x: InitContext<ExecConfig>): Slot {
  const { b, config } = x;
  const { pid, startTime } = config.target;
  b.at("exec", { kind: "openContainer" });
  const fd = config.facts.lacking?.has("pidfd_open")
    ? b.get("openat", [AT_FDCWD, b.str(`/proc/${pid}`), O.RDONLY | O.DIRECTORY | O.CLOEXEC, 0])
    : b.get("pidfd_open", [b.number(Hole.pid, pid), 0]);
  b.alive(b.number(Hole.pid, pid), b.number(Hole.startTime, Number(startTime)));
  return fd;
}

function joinNamespaces(x: InitContext<ExecConfig>): void {
  const { b, config } = x;
  const target = openTarget(x);
  b.at("exec", { kind: "joinContainer" });
  if (!config.facts.lacking?.has("pidfd_open")) {
    b.sys("setns", [target, config.namespaces]);
    hideAgain(x);
    b.close(target);
    return;
  }
  // All files are opened first, since the container's mount namespace shows another procfs. The user namespace
  // comes first: it gives the right to join the others.
  const files: [flag: number, fd: Slot][] = [];
  for (const [flag, file] of NAMESPACE_FILES) {
    if ((config.namespaces & flag) === 0) continue;
    files.push([flag, b.get("openat", [target, b.str(`ns/${file}`), O.RDONLY | O.CLOEXEC, 0])]);
  }
  for (const [flag, fd] of files) {
    b.sys("setns", [fd, flag]);
    if (flag === CLONE.NEWUSER) hideAgain(x);
    b.close(fd);
  }
  b.close(target);
}

const NAMESPACE_FILES = [
  [CLONE.NEWUSER, "user"],
  [CLONE.NEWCGROUP, "cgroup"],
  [CLONE.NEWIPC, "ipc"],
  [CLONE.NEWUTS, "uts"],
  [CLONE.NEWNET, "net"],
  [CLONE.NEWPID, "pid"],
  [CLONE.NEWTIME, "time"],
  [CLONE.NEWNS, "mnt"],
] as const;

function terminalSize(x: InitContext<ExecConfig>): readonly [number, number] | null {
  const box = x.config.process.consoleSize;
  if (box && Number(box.height) > 0) return [Number(box.height), Number(box.width)];
  return x.config.facts.terminalSize;
}

function becomeContainerRoot(x: InitContext<ExecConfig>): void {
  if (!x.config.userNamespace) return;
  const { b } = x;
  // A user namespace that maps only the caller's own id has no root. The capabilities of joining are enough there.
  const unmapped = { handle: [E.EINVAL] };
  b.at("exec", { kind: "becomeContainerRoot" });
  b.sys("setresgid", [0, 0, 0], unmapped);
  hideAgain(x);
  if (x.config.setgroups) b.sys("setgroups", [0, null]);
  b.sys("setresuid", [0, 0, 0], unmapped);
  hideAgain(x);
}
