/** The seccomp filter of `run --host --landlock`, for things that landlock(7) does not restrict. */
import type { Seccomp, Syscall, SyscallArg } from "../spec/index.ts";
import { AF, SOCK } from "../sys/constants.ts";
import { defaultSeccomp } from "./seccomp.ts";

const TYPE = 0xf;
const IPPROTO_TCP = 6;
const NETLINK_ROUTE = 0;
const MSG_FASTOPEN = 0x20000000;
const WORD = 0xffffffff;
/**
 * Requests of ioctl_tty(2) that put words into the terminal as if a user had typed them. The program has the
 * caller's terminal.
 */
const TYPING = [0x5412, 0x541c];

/** Calls that are allowed only with some arguments. */
const NARROWED = ["socket", "sendto", "sendmsg", "sendmmsg", "ioctl", "prlimit64"];
const REFUSED = /^(shm|sem|msg)(get|at|dt|ctl|op|snd|rcv|timedop|timedop_time64)$|^(mq_.*|ipc|listen)$/;

/**
 * The default filter with these additions:
 * - Unix sockets only in pairs. Otherwise a program could use services of the caller (D-Bus, ssh and gpg
 * agents, docker) by their paths, which landlock does not restrict.
 * - Only TCP sockets, if ports are allowed; otherwise no sockets. landlock does not restrict UDP, SCTP and
 * MPTCP.
 * - No connection by MSG_FASTOPEN, which landlock does not see.
 * - No ioctl(2) that types, no limits of other processes (a limit of 0 ends one), no memory and queues that
 * are shared by number or name, and no listening ports.
 *
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
      // Such a socket lists addresses and interfaces.
      when("socket", is(0, WORD, AF.NETLINK), is(2, WORD, NETLINK_ROUTE)),
      when("sendto", is(3, MSG_FASTOPEN, 0)),
      when("sendmsg", is(2, MSG_FASTOPEN, 0)),
      when("sendmmsg", is(3, MSG_FASTOPEN, 0)),
      when("prlimit64", is(0, WORD, 0)),
      ...allBut(TYPING).map(([value, mask]) => when("ioctl", is(1, mask, value))),
    ],
  };
}

/** All 32-bit numbers except these, as blocks of a power of two. */
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
