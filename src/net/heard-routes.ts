/**
 * Routes by which the relay hears of attempts to reach addresses. Without them connect(2) fails at the route,
 * and there is no packet that could be logged.
 *
 * TCP and UDP get tables of their own, in which all addresses are behind the loopback device. The kernel drops
 * what it receives there, since the address is not local. The relay sees a copy, and answers. Everything else
 * remains unreachable at the route.
 */
import { AF } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { type Attribute, change, RTM, uint32 } from "../sys/netlink.ts";
import { type Address, addressText } from "./address.ts";
import { IPPROTO } from "./attempt.ts";
import type { Version } from "./attempts.ts";
import { LOOPBACK_INDEX, NLM_F_CREATE_REPLACE, RTA, RTN, rtmsg } from "./routes.ts";
import { OWN_ADDRESS } from "./table.ts";

const FAMILY = { v4: AF.INET, v6: AF.INET6 } as const;
const SCOPE_LINK = 253;
/** The tables, and the priorities of the rules that lead to them: after the table of local addresses. */
const UDP_TABLE = 199;
const TABLES = [
  { protocol: IPPROTO.TCP, table: 198, priority: 1 },
  { protocol: IPPROTO.UDP, table: UDP_TABLE, priority: 2 },
] as const;
const NEXTHOP = 198;

/** Attributes (linux/fib_rules.h, linux/nexthop.h, linux/if_link.h), and settings of a device (linux/ip.h). */
const FRA = { PRIORITY: 6, IP_PROTO: 22 } as const;
const FR_ACT_TO_TBL = 1;
const NHA = { ID: 1, OIF: 5 } as const;
const IFLA_AF_SPEC = 26;
const IFLA_INET_CONF = 1;
const DEVCONF = { ACCEPT_LOCAL: 23, ROUTE_LOCALNET: 26 } as const;

/** Errors of a kernel without IPv6, or with an IPv6 that is switched off. */
const NO_IPV6: readonly number[] = [E.EOPNOTSUPP, E.EAFNOSUPPORT, E.EACCES];

/**
 * Leads packets to all addresses to the relay, which has to answer them from now on. Does nothing if the kernel
 * has no IPv6. Throws a SysError.
 * @param netlink a netlink socket of the namespace
 */
export function leadToRelay(netlink: number, version: Version): void {
  try {
    lead(netlink, version);
  } catch (error) {
    if (version === "v6" && error instanceof SysError && NO_IPV6.includes(error.errno)) return;
    throw error;
  }
}

/**
 * The rules come first: a kernel without rules takes the routes of all tables for those of the main table. A
 * rule that leads to an empty table changes nothing.
 */
function lead(netlink: number, version: Version): void {
  const family = FAMILY[version];
  const make = (type: number, body: Uint8Array, attributes: readonly Attribute[], doing: string) =>
    change(netlink, type, body, attributes, doing, NLM_F_CREATE_REPLACE);
  for (const { protocol, table, priority } of TABLES) {
    // struct fib_rule_hdr
    const rule = Uint8Array.of(family, 0, 0, 0, table, 0, 0, FR_ACT_TO_TBL, 0, 0, 0, 0);
    const attributes: Attribute[] = [
      [FRA.PRIORITY, uint32(priority)],
      [FRA.IP_PROTO, Uint8Array.of(protocol)],
    ];
    make(RTM.NEWRULE, rule, attributes, "add a rule for refused addresses");
  }
  if (version === "v4") acceptAnswers(netlink);
  else {
    // The kernel makes a route of IPv6 by the loopback device unreachable, but not if it is by a nexthop object.
    const nexthop = Uint8Array.of(family, 0, 0, 0, 0, 0, 0, 0); // struct nhmsg
    const attributes: Attribute[] = [
      [NHA.ID, uint32(NEXTHOP)],
      [NHA.OIF, uint32(LOOPBACK_INDEX)],
    ];
    make(RTM.NEWNEXTHOP, nexthop, attributes, "make a nexthop for refused addresses");
  }
  const by: readonly Attribute[] =
    version === "v6"
      ? [[RTA.NH_ID, uint32(NEXTHOP)]]
      : [
          [RTA.OIF, uint32(LOOPBACK_INDEX)],
          [RTA.PREFSRC, OWN_ADDRESS],
        ];
  for (const { table } of TABLES) {
    const route = rtmsg(family, 0, table, version === "v6" ? 0 : SCOPE_LINK, RTN.UNICAST);
    make(RTM.NEWROUTE, route, by, "add a route for refused addresses");
  }
}

/**
 * Makes the loopback device accept answers of the relay: they come from an address of the namespace, which a
 * device does not accept from outside, and may be to 127.0.0.1.
 */
function acceptAnswers(netlink: number): void {
  const link = new Uint8Array(new Int32Array([0, LOOPBACK_INDEX, 0, 0]).buffer); // struct ifinfomsg
  const settings = Object.values(DEVCONF).map((key) => nested(key, uint32(1)));
  const spec = nested(AF.INET, nested(IFLA_INET_CONF, ...settings));
  change(netlink, RTM.NEWLINK, link, [[IFLA_AF_SPEC, spec]], "change settings of the loopback device");
}

/** An attribute as bytes, for one that contains others. The sizes of all values are multiples of 4. */
function nested(type: number, ...values: readonly Uint8Array[]): Uint8Array {
  const size = values.reduce((sum, value) => sum + value.length, 4);
  const bytes = new Uint8Array(size);
  bytes.set(new Uint8Array(new Uint16Array([size, type]).buffer));
  let at = 4;
  for (const value of values) {
    bytes.set(value, at);
    at += value.length;
  }
  return bytes;
}

/** A program can try any number of addresses: the maximum of routes, and how often all are taken away, in ms. */
const MOST_ROUTES = 256;
const CLEAR_MS = 1000;

/**
 * Addresses that are unreachable for UDP at the route. A UDP socket that is not connected does not hear of
 * the relay's answers. So the first datagram to an address is heard of by the relay, and those after it fail
 * in sendto(2).
 */
export class UnreachableByUdp {
  private readonly routes = new Map<string, Address>();
  private cleared = -CLEAR_MS;

  /** @param netlink a netlink socket of the namespace */
  constructor(private readonly netlink: number) {}

  /** Makes an address unreachable. Throws a SysError. */
  add(address: Address): void {
    const key = addressText(address);
    if (this.routes.has(key)) return;
    if (this.routes.size >= MOST_ROUTES && !this.clear()) return;
    this.change(RTM.NEWROUTE, address, NLM_F_CREATE_REPLACE);
    this.routes.set(key, address);
  }

  private clear(): boolean {
    const now = performance.now();
    if (now - this.cleared < CLEAR_MS) return false;
    this.cleared = now;
    for (const address of this.routes.values()) this.change(RTM.DELROUTE, address, 0);
    this.routes.clear();
    return true;
  }

  private change(type: number, address: Address, flags: number): void {
    const family = address.length === 4 ? AF.INET : AF.INET6;
    const route = rtmsg(family, 8 * address.length, UDP_TABLE, 0, RTN.UNREACHABLE);
    try {
      change(this.netlink, type, route, [[RTA.DST, address]], "refuse an address", flags);
    } catch (error) {
      // A program with CAP_NET_ADMIN may have changed the routes.
      if (!(error instanceof SysError)) throw error;
    }
  }
}
