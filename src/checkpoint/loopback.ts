/** The loopback device of a restored network namespace, which CRIU creates without settings. */
import { CLONE } from "../sys/constants.ts";
import { check } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close, O, open } from "../sys/fs.ts";
import { change, openNetlink, RTM } from "../sys/netlink.ts";

const IFF_UP = 1;
const LOOPBACK_INDEX = 1;

/** Brings the device up, as for a new container. Throws a SysError. */
export function bringUpLoopback(pid: number): void {
  const own = open("/proc/self/ns/net", O.RDONLY);
  const theirs = open(`/proc/${pid}/ns/net`, O.RDONLY);
  try {
    check(syscall(NR.setns, theirs, CLONE.NEWNET), "enter the network namespace");
    try {
      const socket = openNetlink();
      const link = new Int32Array([0, LOOPBACK_INDEX, IFF_UP, IFF_UP]);
      change(socket, RTM.NEWLINK, new Uint8Array(link.buffer), [], "bring up loopback");
      close(socket);
    } finally {
      check(syscall(NR.setns, own, CLONE.NEWNET), "leave the network namespace");
    }
  } finally {
    close(own);
    close(theirs);
  }
}
