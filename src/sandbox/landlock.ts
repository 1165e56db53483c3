/**
 * `run --host --landlock`: this process restricts itself, and becomes the program. There is no container, no
 * namespace and no state. The only other process removes the program's temporary files at the end.
 */
import { BrunError } from "../errors.ts";
import { ownCommand } from "../host/ask.ts";
import { hookRequest } from "../init/hooks.ts";
import { type Program, ProgramBuilder } from "../plan/program.ts";
import { ownCacheDirectory } from "../seccomp/cache.ts";
import { compileSeccomp } from "../seccomp/compile.ts";
import { Message } from "../stage/messages.ts";
import { Session } from "../stage/session.ts";
import { restoreOpenFiles } from "../stage/supervise.ts";
import { PR, RESOLVE, RLIMITS } from "../sys/constants.ts";
import { E, errnoName, errnoText } from "../sys/errno.ts";
import { check } from "../sys/error.ts";
import { addressOf, cstr, NR, syscall } from "../sys/ffi.ts";
import { AT_FDCWD, close, O, open } from "../sys/fs.ts";
import { openat2 } from "../sys/openat2.ts";
import { cstrArray } from "../sys/spawn.ts";
import { landlockSeccomp } from "./landlock-filter.ts";
import { CONNECT_TCP, type LandlockPlan } from "./landlock-rules.ts";
import type { ulimits } from "./ulimits.ts";
import { blockSignals, waitFor, waitForEither } from "./waiting.ts";

const CREATE_RULESET_VERSION = 1;
const RULE_PATH_BENEATH = 1;
const RULE_NET_PORT = 2;
const SECCOMP_SET_MODE_FILTER = 1;
const CAPABILITY_VERSION_3 = 0x20080522;
const CLOSE_RANGE_CLOEXEC = 4;
const ALL = 0xffffffff;
const SIGKILL = 9;
const SIGCHLD = 17;
const SIG_SETMASK = 2;
/** Signals that Bun ignores: SIGPIPE and SIGXFSZ. */
const IGNORED = [13, 25];

/** The program and its settings. */
export interface Confined {
  readonly plan: LandlockPlan;
  readonly args: readonly string[];
  /** The path of the executable. */
  readonly file: string;
  readonly env: readonly string[];
  readonly cwd: string;
  readonly umask: number | undefined;
  readonly limits: ReturnType<typeof ulimits>;
  /** Is called just before the program is executed. */
  readonly ready?: (() => void) | undefined;
}

/** The version of the kernel's landlock, from 1. 0 means that it is missing or not permitted. */
export function landlockAbi(): number {
  const abi = syscall(NR.landlock_create_ruleset, 0, 0, CREATE_RULESET_VERSION);
  return abi > 0 ? abi : 0;
}

/** Becomes the program, and never returns. Throws a BrunError or SysError. */
export function becomeConfined(confined: Confined): never {
  const { plan, args, file, env, cwd, umask, limits } = confined;
  const { bpf, flags } = compileSeccomp(landlockSeccomp(plan.ports.length > 0), {
    cacheDirectory: ownCacheDirectory(),
  });
  const path = cstr(file);
  const argv = cstrArray(args);
  const envp = cstrArray(env);
  const fprog = new BigUint64Array([BigInt(bpf.length / 8), BigInt(addressOf(bpf))]);
  const ruleset = rulesetOf(plan);
  check(syscall(NR.chdir, cstr(cwd)), `change to ${cwd}`);
  if (umask !== undefined) syscall(NR.umask, umask);
  restoreOpenFiles();
  for (const { type, soft, hard } of limits ?? []) {
    const limit = new BigUint64Array([BigInt(soft), BigInt(hard)]);
    const resource = RLIMITS.indexOf(type as (typeof RLIMITS)[number]);
    check(syscall(NR.prlimit64, 0, resource, limit, 0), `set ${type}`);
  }
  check(syscall(NR.prctl, PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0), "set no_new_privs");
  check(syscall(NR.landlock_restrict_self, ruleset, 0), "restrict this process by landlock");
  dropCapabilities();
  // The program gets only stdio of this process's descriptors.
  check(syscall(NR.close_range, 3, ALL, CLOSE_RANGE_CLOEXEC), "mark descriptors close-on-exec");
  for (const signal of IGNORED) syscall(NR.rt_sigaction, signal, new Uint8Array(32), 0, 8);
  syscall(NR.rt_sigprocmask, SIG_SETMASK, new Uint8Array(8), 0, 8);
  confined.ready?.();
  check(syscall(NR.seccomp, SECCOMP_SET_MODE_FILTER, flags, fprog), "install the seccomp filter");
  const result = syscall(NR.execve, path, argv.pointers, envp.pointers);
  void [addressOf(argv.keep), addressOf(envp.keep), bpf.length];
  throw new BrunError(`cannot execute ${file}: ${errnoText(-result)}`, {
    code: errnoName(-result),
    exitCode: 126,
  });
}

/**
 * Drops root's capabilities: with CAP_PERFMON the program could read other processes' memory, which landlock
 * does not restrict.
 */
function dropCapabilities(): void {
  for (let capability = 0; capability < 64; capability++)
    syscall(NR.prctl, PR.CAPBSET_DROP, capability, 0, 0, 0);
  const header = new Uint32Array([CAPABILITY_VERSION_3, 0]);
  check(syscall(NR.capset, header, new Uint32Array(6)), "drop the capabilities");
}

function rulesetOf({ handled, rules, ports }: LandlockPlan): number {
  const attr = new BigUint64Array([BigInt(handled.fs), BigInt(handled.net), BigInt(handled.scoped)]);
  const size = handled.scoped !== 0 ? 24 : handled.net !== 0 ? 16 : 8;
  const ruleset = check(syscall(NR.landlock_create_ruleset, attr, size, 0), "make a ruleset of landlock");
  const rule = new Uint8Array(12);
  const view = new DataView(rule.buffer);
  for (const { path, access } of rules) {
    const fd = openat2(AT_FDCWD, path, O.PATH | O.NOFOLLOW, RESOLVE.NO_SYMLINKS);
    // The file has gone, or has become a link. Then no rule allows it.
    if (fd < 0) continue;
    view.setBigUint64(0, BigInt(access), true);
    view.setInt32(8, fd, true);
    const result = syscall(NR.landlock_add_rule, ruleset, RULE_PATH_BENEATH, rule, 0);
    close(fd);
    // The kernel refuses rules for files of internal file systems, and for a former directory that is a file
    // now.
    if (result < 0 && result !== -E.EBADFD && result !== -E.EINVAL) check(result, `allow ${path}`);
  }
  for (const port of ports) {
    const allowed = new BigUint64Array([BigInt(CONNECT_TCP), BigInt(port)]);
    check(syscall(NR.landlock_add_rule, ruleset, RULE_NET_PORT, allowed, 0), `allow port ${port}`);
  }
  return ruleset;
}

/**
 * Makes a directory for temporary files. It is removed when this process has ended, also after it has become
 * the program.
 * @param lifeline a socket; when its other end is closed, this process is killed. -1 for none
 */
export function makeTemporary(base: string, lifeline: number): string {
  const path = `${base}/brun-landlock-${crypto.randomUUID()}`;
  check(syscall(NR.mkdirat, AT_FDCWD, cstr(path), 0o700), `make ${path}`);
  const nowhere = open("/dev/null", O.RDWR);
  const session = new Session(() => [removing(path, lifeline, true)], {
    alone: true,
    stdio: [lifeline < 0 ? nowhere : lifeline, nowhere, nowhere],
    lost: "what removes temporary files has ended",
  });
  session.send(removing(path, lifeline, false));
  session.until(Message.ready);
  session.leave();
  session.reapStage();
  return path;
}

/**
 * The process that removes them. It is not a child of this process: otherwise a program that waits for all of
 * its children would wait for it. Its stdin is the lifeline.
 */
function removing(path: string, lifeline: number, record: boolean): Program {
  const b = new ProgramBuilder(record);
  const parent = b.label();
  const cell = b.reserve(8);
  b.at("--landlock", { kind: "session" });
  b.poke(cell, b.get("clone", [SIGCHLD, 0, 0, 0, 0]), 8);
  b.check(cell, 8, -1n, 0, E.EEXIST, { handle: [E.EEXIST], orElse: parent });
  b.sys("setsid", []);
  blockSignals(b);
  b.sys("chdir", [b.str("/")]);
  const fd = b.get("pidfd_open", [syscall(NR.getpid), 0]);
  b.send(Message.ready, null, 0);
  if (lifeline >= 0) {
    waitForEither(b, fd, 0);
    b.sys("pidfd_send_signal", [fd, SIGKILL, null, 0], { handle: [E.ESRCH] });
  }
  waitFor(b, fd);
  const [self = "", ...script] = ownCommand();
  const args = [self, ...script, "sandbox-hook", "remove", "temporary", path, "none"];
  b.spawn(hookRequest({ b }, { path: self, args }), null, -1, { handle: [E.ECHILD] });
  b.mark(parent);
  b.sys("exit_group", [0]);
  return b.finish();
}
