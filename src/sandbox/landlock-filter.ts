/** The seccomp filter of `run --host --landlock`: what landlock(7) does not know. */
import type { Seccomp, Syscall, SyscallArg } from "../spec/index.ts";
import { AF, SOCK } from "../sys/constants.ts";
import { defaultSeccomp } from "./seccomp.ts";

const TYPE = 0xf;
const IPPROTO_TCP = 6;
const NETLINK_ROUTE = 0;
const MSG_FASTOPEN = 0x20000000;
const WORD = 0xffffffff;
/** Of ioctl_tty(2): they put words into the terminal as if they had been typed, and the program has the caller's. */
const TYPING = [0x5412, 0x541c];

/** Calls that are allowed with some arguments alone. */
const NARROWED = ["socket", "sendto", "sendmsg", "sendmmsg", "ioctl", "prlimit64"];
const REFUSED = /^(shm|sem|msg)(get|at|dt|ctl|op|snd|rcv|timedop|timedop_time64)$|^(mq_.*|ipc|listen)$/;

/**
 * The default filter, and besides:
 * - Unix sockets only in pairs. By their path a program would reach services of the caller's that do things for it (D-Bus, ssh
 *   and gpg agents, docker), and landlock does not look at that.
 * - TCP alone, if ports are allowed, else no sockets. landlock knows nothing of UDP, SCTP and MPTCP.
 * - No connection by what is sent with MSG_FASTOPEN, which landlock does not see.
 * - No ioctl(2) that types, no limits of other processes (a limit of 0 ends one), no memory and queues that are shared by number or
 *   name, and no port that one waits on.
 * Arguments are compared as the kernel takes them, without the upper half.
 */
export function landlockSeccomp(ports: boolean): Seccomp {
  const base = defaultSeccomp([], false);
  const others = (base.syscalls ?? []).flatMap((rule) => {
    const names = rule.names.filter((name) => !NARROWED.includes(name) && !REFUSED.test(name));
    return names.length === 0 ? [] : [{ ...rule, names }];
  });
  const families = ports ? [AF.INET, AF.INET6] : [];
  return {
    ...base,
    syscalls: [
      ...others,
      ...families.flatMap((family) =>
        [0, IPPROTO_TCP].map((protocol) =>
          when("socket", is(0, WORD, family), is(1, TYPE, SOCK.STREAM), is(2, WORD, protocol)),
        ),
      ),
      // Which addresses and interfaces there are.
      when("socket", is(0, WORD, AF.NETLINK), is(2, WORD, NETLINK_ROUTE)),
      when("sendto", is(3, MSG_FASTOPEN, 0)),
      when("sendmsg", is(2, MSG_FASTOPEN, 0)),
      when("sendmmsg", is(3, MSG_FASTOPEN, 0)),
      when("prlimit64", is(0, WORD, 0)),
      ...allBut(TYPING).map(([value, mask]) => when("ioctl", is(1, mask, value))),
    ],
  };
}

/** All 32-bit numbers but these, as blocks of a power of two. */
function allBut(refused: readonly number[]): [value: number, mask: number][] {
  const blocks: [number, number][] = [];
  const add = (start: number, size: number): void => {
    const within = refused.filter((one) => one >= start && one < start + size);
    if (within.length === 0) blocks.push([start, 2 ** 32 - size]);
    else if (size > 1) for (const half of [start, start + size / 2]) add(half, size / 2);
  };
  add(0, 2 ** 32);
  return blocks;
}

function is(index: number, mask: number, value: number): SyscallArg {
  return { index, value: mask, valueTwo: value, op: "SCMP_CMP_MASKED_EQ" };
}

function when(name: string, ...args: SyscallArg[]): Syscall {
  return { names: [name], action: "SCMP_ACT_ALLOW", args };
}
