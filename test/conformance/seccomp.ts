/** linux.seccomp: what a process may call, and who is asked. */
import { copyFileSync } from "node:fs";
import { arch } from "node:os";
import { Agent } from "../support/agent.ts";
import { compiled } from "../support/compiled.ts";
import { type Case, expectEqual, expectOutput, inside, under } from "./case.ts";

const ARCHITECTURES =
  arch() === "arm64"
    ? ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
    : ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"];

const ALLOW = { defaultAction: "SCMP_ACT_ALLOW", architectures: ARCHITECTURES };

const MKDIR = ["mkdir", "mkdirat"];

/** A script under a filter. */
function filtered(
  name: string,
  fields: string[],
  seccomp: object,
  script: string,
  expected: string | RegExp,
  more = {},
) {
  return inside(
    name,
    fields,
    (spec) => {
      spec.linux.seccomp = { ...ALLOW, ...seccomp };
    },
    script,
    expected,
    more,
  );
}

const field = (names: string): string[] => under("linux.seccomp", names);
const rule = (names: string): string[] => under("linux.seccomp.syscalls[]", names);

/** An operator on the signal of kill(2), and which of 10, 12 and 17 it refuses. */
function operator(op: string, value: number, refuses: string, valueTwo?: number): Case {
  const args = [{ index: 1, value, op, ...(valueTwo === undefined ? {} : { valueTwo }) }];
  return filtered(
    `an argument compared by ${op}`,
    under("linux.seccomp.syscalls[].args[]", "index value valueTwo op"),
    { syscalls: [{ names: ["kill"], action: "SCMP_ACT_ERRNO", args }] },
    "trap '' 10 12 17; for s in 10 12 17; do kill -$s $$ 2>/dev/null || printf '%s ' $s; done",
    refuses,
  );
}

const notify: Case = {
  name: "an agent gets the descriptor, its metadata and the container's state, and decides",
  fields: field("listenerPath listenerMetadata"),
  run: async (box) => {
    using agent = new Agent(`${box.dir}/agent`);
    const id = box.name();
    const bundle = box.bundle((spec) => {
      spec.linux.seccomp = {
        ...ALLOW,
        listenerPath: `${box.dir}/agent`,
        listenerMetadata: "about it",
        syscalls: [{ names: MKDIR, action: "SCMP_ACT_NOTIFY" }],
      };
      spec.annotations = { "org.example.key": "value" };
      spec.process.args = ["/bin/sh", "-c", "mkdir /one 2>&1; mkdir /two && ls -d /two"];
    });
    const running = box.spawn(["run", "--bundle", bundle, id]);
    const state = await agent.connected();
    expectEqual(state.fds, ["seccompFd"], "fds");
    expectEqual(state.metadata, "about it", "metadata");
    expectEqual([state.state.id, state.state.bundle], [id, bundle], "id and bundle of the state");
    expectEqual(state.state.annotations?.["org.example.key"], "value", "annotation of the state");
    expectEqual(
      state.pid > 0 && state.pid === state.state.pid,
      true,
      `pid ${state.pid} and ${state.state.pid}`,
    );
    await agent.answer(28); // ENOSPC
    await agent.answer(0);
    expectOutput(await running.done, /No space left on device\n\/two\n$/);
  },
};

/** A call by 32-bit numbers, of an architecture that the filter names or does not. */
function otherArchitecture(named: boolean): Case {
  return {
    name: named
      ? "the rules hold for a second architecture as well"
      : "a call of an architecture that is not named ends the process, or is refused",
    fields: field("architectures[]"),
    lacks: () => (arch() === "x64" ? undefined : "a machine with another second architecture"),
    run: async (box) => {
      const bundle = box.bundle((spec) => {
        const architectures = ["SCMP_ARCH_X86_64", ...(named ? ["SCMP_ARCH_X86"] : [])];
        const syscalls = [{ names: MKDIR, action: "SCMP_ACT_ERRNO", errnoRet: 28 }];
        spec.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", architectures, syscalls };
        spec.process.args = ["/bin/sh", "-c", "/int80; ls -d /x86 2>/dev/null; true"];
      });
      copyFileSync(compiled(`${import.meta.dir}/int80.c`), `${bundle}/rootfs/int80`);
      const outcome = await box.call(["run", "--bundle", bundle, box.name()]);
      expectOutput(outcome, named ? "28\n" : /^(?!0\n)(?!.*x86)/);
    },
  };
}

const KILLED = "sh -c 'mkdir /x' ; echo $?";

export const seccompCases: readonly Case[] = [
  filtered(
    "SCMP_ACT_ERRNO with EPERM, and with an errno of its own",
    rule("names[] action errnoRet"),
    {
      syscalls: [
        { names: MKDIR, action: "SCMP_ACT_ERRNO" },
        { names: ["symlink", "symlinkat"], action: "SCMP_ACT_ERRNO", errnoRet: 28 },
      ],
    },
    "mkdir /x 2>&1; ln -s a /y 2>&1",
    /Operation not permitted\n.*No space left on device\n$/,
  ),
  filtered(
    "SCMP_ACT_KILL_PROCESS and its older names",
    rule("action"),
    { syscalls: [{ names: MKDIR, action: "SCMP_ACT_KILL_PROCESS" }] },
    KILLED,
    "159\n",
  ),
  filtered(
    "SCMP_ACT_TRAP sends SIGSYS",
    rule("action"),
    { syscalls: [{ names: MKDIR, action: "SCMP_ACT_TRAP" }] },
    KILLED,
    "159\n",
  ),
  filtered(
    "SCMP_ACT_TRACE without a tracer is ENOSYS",
    rule("action"),
    { syscalls: [{ names: MKDIR, action: "SCMP_ACT_TRACE", errnoRet: 1 }] },
    "mkdir /x 2>&1",
    /Function not implemented\n$/,
  ),
  filtered(
    "SCMP_ACT_LOG lets it happen",
    rule("action"),
    { syscalls: [{ names: MKDIR, action: "SCMP_ACT_LOG" }] },
    "mkdir /x && ls -d /x; grep Seccomp: /proc/self/status",
    "/x\nSeccomp:\t2\n",
  ),
  {
    name: "the default action with an errno of its own, and ENOSYS for calls that are newer than the profile",
    fields: field("defaultAction defaultErrnoRet"),
    run: async (box) => {
      const script = "mkdir /x 2>&1; hostname x 2>&1; test -e /y; echo $?";
      const outcome = await box.sh(script, (spec) => {
        spec.linux.seccomp = {
          defaultAction: "SCMP_ACT_ERRNO",
          defaultErrnoRet: 28,
          architectures: ARCHITECTURES,
          syscalls: [{ names: USUAL, action: "SCMP_ACT_ALLOW" }],
        };
      });
      expectOutput(outcome, /No space left on device\n.*No space left on device\n1\n$/);
    },
  },
  otherArchitecture(true),
  otherArchitecture(false),
  filtered(
    "flags LOG and SPEC_ALLOW",
    field("flags[]"),
    {
      flags: ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"],
      syscalls: [{ names: MKDIR, action: "SCMP_ACT_ERRNO" }],
    },
    "mkdir /x 2>&1; grep -c Speculation_Store_Bypass /proc/self/status",
    /Operation not permitted\n1\n$/,
    { differs: { "runc 1.1": "is older than the field" } },
  ),
  operator("SCMP_CMP_EQ", 12, "12 "),
  operator("SCMP_CMP_NE", 12, "10 17 "),
  operator("SCMP_CMP_LT", 12, "10 "),
  operator("SCMP_CMP_LE", 12, "10 12 "),
  operator("SCMP_CMP_GE", 12, "12 17 "),
  operator("SCMP_CMP_GT", 12, "17 "),
  operator("SCMP_CMP_MASKED_EQ", 8, "10 12 ", 8),
  notify,
];

/** All that busybox and a runtime's last steps need, and nothing that the case asks about. */
const USUAL = (
  "read write open openat close stat fstat lstat newfstatat statx poll lseek mmap mprotect munmap brk rt_sigaction " +
  "rt_sigprocmask rt_sigreturn ioctl access faccessat faccessat2 pipe pipe2 dup dup2 dup3 getpid getppid clone clone3 " +
  "fork vfork execve execveat exit exit_group wait4 waitid uname fcntl getcwd chdir fchdir readlink readlinkat getuid " +
  "getgid geteuid getegid setuid setgid setresuid setresgid setgroups getgroups arch_prctl set_tid_address " +
  "set_robust_list rseq prlimit64 getrandom prctl capget capset futex sched_yield sysinfo umask rt_sigreturn " +
  "sigaltstack getdents64 close_range epoll_create1 epoll_ctl epoll_pwait nanosleep clock_nanosleep clock_gettime " +
  "madvise tgkill gettid getpgrp setpgid setsid openat2 fstatfs statfs ppoll write writev readv kill sendmsg recvmsg " +
  "socket connect getsockname getpeername shutdown fchown eventfd2 signalfd4 timerfd_create timerfd_settime mremap"
).split(" ");
