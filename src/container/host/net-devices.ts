/**
 * linux.netDevices: network devices of the host, moved into the container's network namespace with their
 * addresses (config-linux.md#network-devices). Not on the hot path: import it lazily.
 */
import { BrunError } from "../../errors.ts";
import type { Linux } from "../../spec/index.ts";
import { SysError } from "../../sys/error.ts";
import { close } from "../../sys/fs.ts";
import {
  type Attribute,
  change,
  dump,
  get,
  type NetlinkMessage,
  openNetlink,
  RTM,
  uint32,
} from "../../sys/netlink.ts";
import { utf8 } from "../../sys/utf8.ts";

const IFLA_IFNAME = 3;
const IFLA_NET_NS_PID = 19;
const IFF_UP = 1;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;
const IFA_FLAGS = 8;
const IFA_F_PERMANENT = 0x80;
const RT_SCOPE_UNIVERSE = 0;
const NLM_F_CREATE_EXCL = 0x600;

/**
 * Moves the devices.
 * @param pid a process in the container's network namespace
 * @param inside a netlink socket of that namespace; closed when done
 * Throws a BrunError that names the device.
 */
export function moveNetDevices(devices: NonNullable<Linux["netDevices"]>, pid: number, inside: number): void {
  const host = openNetlink();
  try {
    for (const [name, device] of Object.entries(devices)) {
      try {
        moveDevice(host, inside, pid, name, device.name || name);
      } catch (error) {
        if (!(error instanceof SysError)) throw error;
        throw new BrunError(`cannot ${error.message}`, {
          where: `linux.netDevices.${name}`,
          cause: error,
        });
      }
    }
  } finally {
    close(host);
    close(inside);
  }
}

function moveDevice(host: number, inside: number, pid: number, name: string, wanted: string): void {
  const index = indexOf(
    get(host, RTM.GETLINK, link(0), [[IFLA_IFNAME, text(name)]], `find the device ${name}`),
  );
  const addresses = dump(host, RTM.GETADDR, new Uint8Array(8), `read the addresses of ${name}`).filter(
    (address) => address.body.getUint32(4, true) === index && isKept(address),
  );
  const before = new Set(links(inside).map(indexOf));
  change(
    host,
    RTM.NEWLINK,
    link(index),
    [
      [IFLA_NET_NS_PID, uint32(pid)],
      [IFLA_IFNAME, text(wanted)],
    ],
    `move the device ${name} into the container`,
  );
  // It may have another number there, and for a name with %d another name.
  const moved = links(inside)
    .map(indexOf)
    .find((number) => !before.has(number))!;
  for (const address of addresses) addAddress(inside, moved, address, wanted);
  change(inside, RTM.NEWLINK, link(moved, IFF_UP), [], `bring up the device ${wanted}`);
}

const text = (name: string): Uint8Array => utf8(`${name}\0`);
const indexOf = (message: NetlinkMessage): number => message.body.getInt32(4, true);
const links = (socket: number) => dump(socket, RTM.GETLINK, link(0), "list the container's network devices");

/** struct ifinfomsg, with flags to set. */
function link(index: number, flags = 0): Uint8Array {
  return new Uint8Array(new Int32Array([0, index, flags, flags]).buffer);
}

/** Addresses that were set explicitly and are valid in another namespace: not link-local, not by autoconfiguration. */
function isKept({ body, attributes }: NetlinkMessage): boolean {
  const wide = attributes.get(IFA_FLAGS);
  const flags = wide === undefined ? body.getUint8(2) : new DataView(wide.buffer).getUint32(0, true);
  return body.getUint8(3) === RT_SCOPE_UNIVERSE && (flags & IFA_F_PERMANENT) !== 0;
}

function addAddress(socket: number, index: number, address: NetlinkMessage, name: string): void {
  // struct ifaddrmsg: family, length of the prefix, flags, scope, index of the device.
  const body = new Uint8Array(8);
  body.set([address.body.getUint8(0), address.body.getUint8(1), 0, RT_SCOPE_UNIVERSE]);
  new DataView(body.buffer).setUint32(4, index, true);
  const attributes: Attribute[] = [];
  for (const type of [IFA_LOCAL, IFA_ADDRESS, IFA_BROADCAST]) {
    const value = address.attributes.get(type);
    if (value !== undefined) attributes.push([type, value]);
  }
  change(socket, RTM.NEWADDR, body, attributes, `add an address to ${name}`, NLM_F_CREATE_EXCL);
}
