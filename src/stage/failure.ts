/**
 * From a failed operation to a sentence: what brun was doing, which part of config.json it was for, why it failed,
 * what to do.
 */
import { explainConfinement, explainRestriction } from "../../rootless/apparmor.ts";
import { currentCaller } from "../../rootless/caller.ts";
import type { Diagnosis } from "../../rootless/host-view.ts";
import { filterRemedy, hasSeccompFilter } from "../../rootless/outer.ts";
import {
  explainProcMountRefusal,
  explainUserNamespace,
  hostView,
  userNamespaceError,
} from "../../rootless/userns.ts";
import { BrunError, type ErrorDetails } from "../errors.ts";
import type { Fix } from "../fix.ts";
import { layout } from "../plan/layout.ts" with { type: "macro" };
import type { Op, Program } from "../plan/program.ts";
import { isAboutProgram, isBind, isMountOf, type ProgramStep, phrase, type Step } from "../plan/step.ts";
import { endOfOutput, quoted } from "../printable.ts";
import { CLONE } from "../sys/constants.ts";
import { E, errnoName, errnoText } from "../sys/errno.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close } from "../sys/fs.ts";
import { lazy } from "../sys/lazy.ts";
import { refusalOf } from "../sys/refused-calls.ts";
import type { SyscallName } from "../sys/syscalls.ts";
import { fromUtf8 } from "../sys/utf8.ts";
import type { Received } from "./messages.ts";
import type { Stage } from "./stage.ts";
import { StepError } from "./step-error.ts";

const causesModule = lazy<typeof import("./causes.ts")>(() => require("./causes.ts"));

const failed = layout("failure");

/** The error for a failure message. `programs` are the recorded programs that the stage was sent. */
export function stageFailure(programs: readonly Program[], message: Received): BrunError {
  const errno = message.payload.getInt32(failed.error, true);
  const detail = Number(message.payload.getBigInt64(failed.detail, true));
  const said = lastWords(message.fd);
  const program = Number(message.payload.getBigUint64(failed.program, true));
  const index = message.payload.getUint32(failed.op, true);
  const op = programs[program]?.ops[index];
  if (op === undefined) return new BrunError(`the stage refused its program: ${errnoName(errno)}`);
  return new StepError(describeFailure(op, errno, detail, said), programs, program, index);
}

/** The error for a stage that ended without a message: it could not be executed, or it died. */
export function stageLost(stage: Stage, died: string): BrunError {
  const errno = stage.execError();
  if (errno === 0) return new BrunError(died);
  const { uid, gid } = currentCaller();
  const view = hostView(uid, gid);
  const refused = errno === E.EACCES || errno === E.EPERM;
  return new BrunError(`cannot execute the stage: ${errnoText(errno)} (${errnoName(errno)})`, {
    code: errnoName(errno),
    hint: refused
      ? (told(explainRestriction(view) ?? explainConfinement(view)).hint ??
        "vm.memfd_noexec (sysctl) or a security policy forbids programs that are no files")
      : undefined,
  });
}

const SEEK_END = 2;
const SAID_MAX = 1024;

/**
 * The end of a hook's output, read from the descriptor that comes with its failure; "" without one. Closes the
 * descriptor.
 */
function lastWords(fd: number): string {
  if (fd < 0) return "";
  const bytes = new Uint8Array(SAID_MAX);
  const size = syscall(NR.lseek, fd, 0, SEEK_END);
  const n = syscall(NR.pread64, fd, bytes, bytes.length, size > SAID_MAX ? size - SAID_MAX : 0);
  close(fd);
  return n > 0 ? endOfOutput(fromUtf8(bytes.subarray(0, n))) : "";
}

/**
 * The error of an operation that failed with an errno.
 * @param detail the wait status of a hook
 * @param said the end of the hook's output
 */
export function describeFailure(op: Op, errno: number, detail = 0, said = ""): BrunError {
  if (op.kind === "clone") return cloneFailure(op, errno);
  if (op.kind === "spawn") return hookFailure(op, errno, detail, said);
  // An ending process has left its namespaces already.
  if (errno === E.ESRCH && (op.kind === "alive" || op.name === "pidfd_open" || op.name === "setns"))
    return new BrunError("container not running", { code: "ERR_STATE" });
  return new BrunError(sentence(op.step, errno), {
    code: errnoName(errno),
    where: op.where || undefined,
    ...remedyFor(op, errno),
  });
}

function sentence(step: Step, errno: number): string {
  if (isAboutProgram(step)) return programSentence(step, errno);
  return `cannot ${phrase(step)}: ${errnoText(errno)} (${errnoName(errno)})`;
}

/** Clients look for runc's words here, which are those of Go's package os/exec. */
function programSentence({ kind, file }: ProgramStep, errno: number): string {
  const missing = kind === "findProgram" && errno === E.ENOENT && !file.includes("/");
  return `exec: ${quoted(file)}: ${missing ? "executable file not found in $PATH" : errnoText(errno)}`;
}

function cloneFailure(op: Op, errno: number): BrunError {
  const flags = Number(op.args[0]);
  const { uid, gid } = currentCaller();
  const cgroup = op.args[1] === -1 ? undefined : cgroupHint(errno);
  if (cgroup !== undefined) {
    const text = `cannot put the container into its cgroup: ${errnoText(errno)} (${errnoName(errno)})`;
    return new BrunError(text, { code: errnoName(errno), where: "linux.cgroupsPath", hint: cgroup });
  }
  if ((flags & CLONE.NEWUSER) !== 0) return userNamespaceError(errno, hostView(uid, gid));
  return new BrunError(sentence(op.step, errno), {
    code: errnoName(errno),
    where: op.where,
    ...(op.step.kind === "forkIntoContainer" ? { hint: forkHint(errno) } : namespaceRemedy(errno)),
  });
}

function namespaceRemedy(errno: number): Remedy {
  if (errno === E.EPERM)
    return { hint: "new namespaces need CAP_SYS_ADMIN, or a user namespace beside them" };
  const { uid, gid } = currentCaller();
  return errno === E.ENOSPC ? told(explainUserNamespace(errno, hostView(uid, gid))) : {};
}

/** The kernel answers ENOMEM when the first process of a pid namespace is ending (pid_namespaces(7)). */
function forkHint(errno: number): string | undefined {
  return errno === E.ENOMEM ? "the container is ending, or has no memory left" : undefined;
}

/** Errnos that only a cgroup v2 to clone into gives (clone(2), CLONE_INTO_CGROUP). */
function cgroupHint(errno: number): string | undefined {
  if (errno === E.EACCES)
    return "the cgroup above both that and brun's own may not be written: start brun in the delegated tree";
  if (errno === E.EBUSY) return "cgroups with controllers for their children take no processes";
  if (errno === E.EOPNOTSUPP) return "it is below a threaded cgroup";
  return errno === E.ENODEV ? "it has been removed meanwhile" : undefined;
}

function hookFailure(op: Op, errno: number, detail: number, said: string): BrunError {
  const name = op.step.kind === "hook" ? op.step.path : op.name;
  if (errno === E.ETIMEDOUT)
    return new BrunError(`the hook ${name} took longer than its timeout`, {
      code: "ERR_HOOK",
      where: op.where,
    });
  if (errno === E.ECHILD && detail !== 0) {
    const signal = detail & 0x7f;
    const how =
      signal === 0 ? `exited with status ${(detail >> 8) & 0xff}` : `was killed by signal ${signal}`;
    const text = `the hook ${name} ${how}${said === "" ? "" : `: ${said}`}`;
    return new BrunError(text, { code: "ERR_HOOK", where: op.where });
  }
  return new BrunError(sentence(op.step, errno), {
    code: "ERR_HOOK",
    where: op.where,
  });
}

type Remedy = Pick<ErrorDetails, "hint" | "fix">;

function remedyFor(op: Op, errno: number): Remedy {
  const refused = (errno === E.EPERM || errno === E.EACCES) && op.kind !== "execute";
  const { uid, gid } = currentCaller();
  const view = hostView(uid, gid);
  // Under the restriction the first use of any capability fails, whatever the operation is.
  const restriction = refused ? explainRestriction(view) : null;
  if (restriction !== null) return told(restriction);
  if (op.step.kind === "makeNetwork") return told(explainUserNamespace(errno, view));
  const found = hintOf(op, errno);
  if (found !== undefined) return typeof found === "string" ? { hint: found } : { fix: found };
  return told(refused && errno === E.EACCES ? explainConfinement(view) : null);
}

function told(diagnosis: Diagnosis | null): Remedy {
  if (diagnosis === null) return {};
  return { hint: `${diagnosis.cause}: ${diagnosis.fix.hint}`, fix: diagnosis.fix };
}

function hintOf(op: Op, errno: number): string | Fix | undefined {
  const { step } = op;
  const call = op.kind === "target" ? "openat2" : op.name;
  if (call !== "" && isCallRefused(call, errno)) return callHint(call);
  if (isMountOf(step, "proc") && errno === E.EPERM) {
    const { uid, gid } = currentCaller();
    return explainProcMountRefusal(hostView(uid, gid))?.fix;
  }
  if (op.name === "mount") {
    const hint = mountHint(op, errno);
    if (hint !== undefined) return hint;
  }
  if (op.kind === "execute") {
    if (errno === E.E2BIG)
      return "an argument or variable has 128 KiB or more, or all together have more than a quarter of ulimit -s";
    if (errno === E.ENOENT)
      return "its interpreter, on its #! line or its dynamic loader, is missing in the root";
    if (errno === E.ENOEXEC) return "it is for another architecture, or a script without a #! line";
  }
  if (
    (op.name === "openat2" || op.kind === "target") &&
    errno === E.ELOOP &&
    (isMountOf(step, "proc") || isMountOf(step, "sysfs"))
  ) {
    return "the mount point may not be a symbolic link";
  }
  if (isBind(step) && op.name === "open_tree") {
    if (errno === E.EINVAL) return "in a user namespace a tree with mounts below it needs rbind";
    if (errno === E.ENOENT && step.kind !== "bindHostDevice") return "the source does not exist";
    if (errno === E.EACCES) return "the container's root user cannot reach the source";
  }
  if (step.kind === "mapIds" && errno === E.EINVAL) {
    return "its file system cannot have id-mapped mounts, or this one is mapped already";
  }
  if (op.name === "setns" && step.kind === "joinContainer" && (errno === E.EBADF || errno === E.EINVAL)) {
    return "exec needs Linux 5.8, for setns by pidfd";
  }
  if (step.kind === "whereIsCwd") {
    return "the working directory is outside the container's root";
  }
  if (errno === E.EMFILE || errno === E.ENFILE) return "too many open files: raise ulimit -n";
  return causesModule().causeOf(op, errno);
}

/** Whether the kernel or a filter refuses the call altogether: the errno is then no answer to this operation. */
function isCallRefused(name: SyscallName, errno: number): boolean {
  if (errno === E.ENOSYS) return true;
  if (errno !== E.EPERM || kernels[name] === undefined) return false;
  if (refusalOf(name) === E.EPERM) return true;
  const { uid, gid } = currentCaller();
  return WANTS_CAPABILITIES.includes(name) && hasSeccompFilter(hostView(uid, gid));
}

/**
 * A trial cannot tell whether a filter refuses these calls: without CAP_SYS_ADMIN the kernel answers EPERM to any
 * arguments. The stage has that capability, so a filter is the likeliest reason.
 */
const WANTS_CAPABILITIES: readonly SyscallName[] = ["move_mount", "fsopen", "fsmount"];

function callHint(name: SyscallName): string {
  const since = kernels[name];
  const { uid, gid } = currentCaller();
  const remedy = filterRemedy(hostView(uid, gid));
  const needs = `${name} needs ${since === undefined ? "another kernel" : `Linux ${since}`}, and that a seccomp filter around brun allows it`;
  return remedy === undefined ? needs : `${needs}: ${remedy}`;
}

/** The kernel versions that brought the system calls of programs. */
const kernels: { readonly [Name in SyscallName]?: string } = {
  open_tree: "5.2",
  move_mount: "5.2",
  fsopen: "5.2",
  fsconfig: "5.2",
  fsmount: "5.2",
  openat2: "5.6",
  mount_setattr: "5.12",
};

/** The file systems that root of a user namespace may mount (FS_USERNS_MOUNT). */
const MOUNTABLE = [
  "proc",
  "sysfs",
  "tmpfs",
  "devpts",
  "mqueue",
  "cgroup",
  "cgroup2",
  "overlay",
  "fuse",
  "ramfs",
];

/** Hints for refusals of mount(2). */
function mountHint(op: Op, errno: number): string | undefined {
  if (op.step.kind !== "mount") return undefined;
  const type = op.step.fsType;
  if (errno === E.ENODEV && type !== "none") {
    return `this kernel does not know the file system ${type}, or its module is not loaded`;
  }
  if (errno !== E.EPERM || currentCaller().privileged || MOUNTABLE.includes(type)) return undefined;
  return `only root of the host may mount ${type}; without root it is ${MOUNTABLE.slice(0, 5).join(", ")}, cgroup, overlay and fuse`;
}
