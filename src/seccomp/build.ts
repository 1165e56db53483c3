/** Compiles a seccomp profile to BPF with libseccomp. */

import { BrunError } from "../errors.ts";
import { quoted } from "../printable.ts";
import type { Seccomp, Syscall, SyscallArg } from "../spec/seccomp.ts";
import { E, errnoName } from "../sys/errno.ts";
import { check } from "../sys/error.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { close, readFd } from "../sys/fs.ts";
import { joined } from "../sys/utf8.ts";
import { OPERATORS, returnValue } from "./actions.ts";
import { encode, INSTRUCTION_SIZE, MAX_INSTRUCTIONS } from "./bpf.ts";
import { conflicts } from "./conflicts.ts";
import { enosysStub, lastSyscall, wantsEnosys } from "./enosys.ts";
import { type Libseccomp, libseccomp, libseccompVersion } from "./library.ts";

/** A compiled filter, and notes for the user. */
export interface Built {
  /** An array of struct sock_filter. */
  readonly bpf: Uint8Array;
  /** One line each: system calls that libseccomp does not know, and rules without effect. */
  readonly notes: readonly string[];
}

const SCMP_FLTATR_CTL_OPTIMIZE = 8;
const BINARY_TREE = 2;
/**
 * The minimum number of rules for a binary tree, as in runc. libseccomp up to 2.5.4 makes a wrong tree of no
 * rules, and a short list needs none.
 */
const BINARY_TREE_FROM = 32;
const NR_SCMP_ERROR = -1;
const MFD_CLOEXEC = 1;
const ARG_CMP_SIZE = 24; // struct scmp_arg_cmp

type Context = NonNullable<ReturnType<Libseccomp["seccomp_init"]>>;

/**
 * Compiles a profile. Names that libseccomp does not know are skipped, since a profile is written for more than
 * one kernel. With `failUnknown` they are errors (annotation run.oci.seccomp_fail_unknown_syscall). Throws a
 * BrunError with the config path.
 */
export function build(seccomp: Seccomp, failUnknown: boolean): Built {
  const lib = libseccomp();
  const context = lib.seccomp_init(returnValue(seccomp.defaultAction, seccomp.defaultErrnoRet));
  if (context === null) {
    throw new BrunError(`libseccomp or this kernel does not know ${seccomp.defaultAction}`, {
      where: "linux.seccomp.defaultAction",
    });
  }
  try {
    const tokens = addArchitectures(lib, context, seccomp.architectures ?? []);
    const names = (seccomp.syscalls ?? []).flatMap((rule) => rule.names);
    if (names.length > BINARY_TREE_FROM) {
      // libseccomp before 2.5 has no such attribute. Without it the filter is longer, but does the same.
      lib.seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, BINARY_TREE);
    }
    const unknown = addRules(lib, context, seccomp, failUnknown);
    const stub = wantsEnosys(seccomp)
      ? encode(enosysStub(lastSyscalls(lib, tokens, names)))
      : new Uint8Array();
    const bpf = joined([stub, exportBpf(lib, context)]);
    const length = bpf.length / INSTRUCTION_SIZE;
    if (length > MAX_INSTRUCTIONS) {
      throw new BrunError(`the filter has ${length} instructions, and the kernel takes ${MAX_INSTRUCTIONS}`, {
        where: "linux.seccomp",
        hint: "use fewer architectures or fewer conditions on arguments",
      });
    }
    return { bpf, notes: [...unknown, ...conflicts(seccomp)] };
  } finally {
    lib.seccomp_release(context);
  }
}

/** Adds the profile's architectures to the native one, which is always there. Returns the tokens of all. */
function addArchitectures(lib: Libseccomp, context: Context, names: readonly string[]): Set<number> {
  const tokens = new Set([lib.seccomp_arch_native()]);
  names.forEach((name, i) => {
    const where = `linux.seccomp.architectures[${i}]`;
    const token = lib.seccomp_arch_resolve_name(cstr(name.replace(/^SCMP_ARCH_/, "").toLowerCase()));
    if (token === 0) {
      throw new BrunError(`${name} is not known to libseccomp ${libseccompVersion()}`, { where });
    }
    if (tokens.has(token)) return;
    const result = lib.seccomp_arch_add(context, token);
    if (result === -E.EDOM) {
      throw new BrunError(`${name} has another byte order than this machine`, { where, hint: "remove it" });
    }
    if (result < 0) throw new BrunError(`libseccomp refuses ${name}: ${errnoName(-result)}`, { where });
    tokens.add(token);
  });
  return tokens;
}

/** Adds the rules. Returns a note for each unknown name. */
function addRules(lib: Libseccomp, context: Context, seccomp: Seccomp, failUnknown: boolean): string[] {
  const unknown: string[] = [];
  const byDefault = returnValue(seccomp.defaultAction, seccomp.defaultErrnoRet);
  (seccomp.syscalls ?? []).forEach((rule, i) => {
    const action = returnValue(rule.action, rule.errnoRet);
    const conditions = argumentSets(rule);
    rule.names.forEach((name, j) => {
      const nr = lib.seccomp_syscall_resolve_name(cstr(name));
      if (nr === NR_SCMP_ERROR) {
        const where = `linux.seccomp.syscalls[${i}].names[${j}]`;
        if (failUnknown) throw unknownSyscall(name, where);
        unknown.push(`${where}: ${quoted(name)} is not known to libseccomp ${libseccompVersion()}`);
        return;
      }
      if (action === byDefault) return; // libseccomp refuses a rule that has the default action
      for (const set of conditions) {
        const count = set.length / ARG_CMP_SIZE;
        const result = lib.seccomp_rule_add_array(context, action, nr, count, count === 0 ? null : set);
        if (result < 0) throw ruleError(name, rule, i, -result);
      }
    });
  });
  return unknown;
}

function unknownSyscall(name: string, where: string): BrunError {
  return new BrunError(`libseccomp ${libseccompVersion()} knows no system call ${quoted(name)}`, {
    where,
    hint: "correct the name, or remove annotation run.oci.seccomp_fail_unknown_syscall",
  });
}

function ruleError(name: string, rule: Syscall, index: number, errno: number): BrunError {
  const where = `linux.seccomp.syscalls[${index}]`;
  if (errno === E.EOPNOTSUPP) {
    return new BrunError(`libseccomp ${libseccompVersion()} or this kernel does not know ${rule.action}`, {
      where: `${where}.action`,
    });
  }
  if (errno === E.EEXIST) {
    return new BrunError(`libseccomp finds that the rule for ${name} contradicts an earlier one`, {
      where,
      hint: "keep one of them",
    });
  }
  return new BrunError(`libseccomp refuses the rule for ${name}: ${errnoName(errno)}`, { where });
}

/**
 * The conditions of a rule as arrays of struct scmp_arg_cmp, one for each rule of libseccomp. Such a rule can have
 * an argument only once. If a rule has an argument twice, each condition becomes a separate rule, so that any of
 * them matches (as in runc and crun).
 */
function argumentSets(rule: Syscall): Uint8Array[] {
  const args = rule.args ?? [];
  const once = new Set(args.map((a) => a.index)).size === args.length;
  return once ? [argCmps(args)] : args.map((a) => argCmps([a]));
}

function argCmps(args: readonly SyscallArg[]): Uint8Array {
  const bytes = new Uint8Array(args.length * ARG_CMP_SIZE);
  const view = new DataView(bytes.buffer);
  args.forEach((arg, i) => {
    const at = i * ARG_CMP_SIZE;
    view.setUint32(at, arg.index, true);
    view.setUint32(at + 4, OPERATORS[arg.op], true);
    view.setBigUint64(at + 8, BigInt(arg.value), true);
    view.setBigUint64(at + 16, BigInt(arg.valueTwo ?? 0), true);
  });
  return bytes;
}

function lastSyscalls(lib: Libseccomp, tokens: Set<number>, names: readonly string[]): Map<number, number> {
  const lasts = new Map<number, number>();
  const strings = names.map(cstr);
  for (const token of tokens) {
    const last = lastSyscall(
      token,
      strings.map((name) => lib.seccomp_syscall_resolve_name_arch(token, name)),
    );
    if (last !== null) lasts.set(token, last);
  }
  return lasts;
}

function exportBpf(lib: Libseccomp, context: Context): Uint8Array {
  const fd = check(syscall(NR.memfd_create, cstr("brun-seccomp"), MFD_CLOEXEC), "memfd_create");
  try {
    check(lib.seccomp_export_bpf(context, fd), "export the seccomp filter");
    check(syscall(NR.lseek, fd, 0, 0), "lseek");
    return readFd(fd, "the seccomp filter");
  } finally {
    close(fd);
  }
}
