/**
 * Makes sockets in a container's network namespace for a process outside. They are only made inside. The
 * process that has made the user namespace may bind them to any port from outside, and change routes through
 * them (capabilities(7), user_namespaces(7)).
 */
import { Message } from "../plan/abi.ts";
import { ANY, type Program, ProgramBuilder } from "../plan/program.ts";
import { Session } from "../stage/session.ts";
import { AF, CLONE, PR, SOCK } from "../sys/constants.ts";
import { AT_FDCWD, O, readlink } from "../sys/fs.ts";
import type { Version } from "./attempts.ts";

/** One for each version of IP. */
const PACKET_SOCKETS = 2;

/** The sockets. Those of TCP and UDP are non-blocking. */
export interface InsideSockets {
  /** A socket of rtnetlink(7). */
  readonly netlink: number;
  readonly udp: number;
  readonly tcp: number[];
  /** Packet(7) sockets that are not bound to a protocol; -1 if the kernel has no such sockets. */
  readonly packets: Readonly<Record<Version, number>>;
}

/**
 * Makes the sockets. Throws a BrunError.
 * @param pid a process of the container
 * @param count the number of TCP sockets
 */
export function socketsInside(pid: number, count: number): InsideSockets {
  const program = makingProgram(pid, count);
  const session = new Session(() => [program], {
    alone: true,
    lost: "the stage that makes sockets has ended",
  });
  try {
    session.send(program);
    const next = () => session.until(Message.socket);
    return {
      netlink: next(),
      udp: next(),
      tcp: Array.from({ length: count }, next),
      packets: { v4: next(), v6: next() },
    };
  } finally {
    session.end();
  }
}

function makingProgram(pid: number, count: number): Program {
  const b = new ProgramBuilder(true);
  const hide = () => b.sys("prctl", [PR.SET_DUMPABLE, 0, 0, 0, 0]);
  b.at("linux.namespaces", { kind: "makeSockets" });
  const theirs = (name: string) => `/proc/${pid}/ns/${name}`;
  const open = (name: string) => b.get("openat", [AT_FDCWD, b.str(theirs(name)), O.RDONLY | O.CLOEXEC, 0]);
  const network = open("net");
  const hasUser = readlink(theirs("user")) !== readlink("/proc/self/ns/user");
  const user = hasUser ? open("user") : null;
  hide();
  if (user !== null) {
    b.sys("setns", [user, CLONE.NEWUSER]);
    hide();
  }
  b.sys("setns", [network, CLONE.NEWNET]);
  const send = (family: number, type: number) => {
    const socket = b.get("socket", [family, type | SOCK.CLOEXEC, 0]);
    b.send(Message.socket, socket, 0);
    b.close(socket);
  };
  send(AF.NETLINK, SOCK.RAW);
  send(AF.INET, SOCK.DGRAM | SOCK.NONBLOCK);
  for (let i = 0; i < count; i++) send(AF.INET, SOCK.STREAM | SOCK.NONBLOCK);
  for (let i = 0; i < PACKET_SOCKETS; i++) {
    const none = b.label();
    const sent = b.label();
    const type = SOCK.DGRAM | SOCK.NONBLOCK | SOCK.CLOEXEC;
    const packets = b.get("socket", [AF.PACKET, type, 0], { handle: [ANY], orElse: none });
    b.send(Message.socket, packets, 0, null, { andThen: sent });
    b.mark(none);
    b.send(Message.socket, null, 0);
    b.mark(sent);
  }
  return b.finish();
}
