/** Routes from a container to the relay (those of refused addresses are in heard-routes.ts), and the check where an address leads on the host. */
import { AF } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { change, get, RTM, uint32 } from "../sys/netlink.ts";
import type { Address } from "./address.ts";
import { OWN_ADDRESS, RANGE } from "./table.ts";

export const NLM_F_CREATE_REPLACE = 0x500;
export const LOOPBACK_INDEX = 1;
const TABLE_MAIN = 254;
const TABLE_LOCAL = 255;
const PROTO_STATIC = 4;
const SCOPE_HOST = 254;
/** Attributes of routes and addresses (linux/rtnetlink.h, linux/if_addr.h). */
export const RTA = { DST: 1, OIF: 4, PREFSRC: 7, NH_ID: 30 } as const;
const IFA = { ADDRESS: 1, LOCAL: 2 } as const;

/** Route types. */
export const RTN = { UNICAST: 1, LOCAL: 2, UNREACHABLE: 7 } as const;

/** A struct rtmsg (rtnetlink(7)). */
export function rtmsg(family: number, bits: number, table: number, scope: number, type: number): Uint8Array {
  return Uint8Array.of(family, bits, 0, 0, table, PROTO_STATIC, scope, type, 0, 0, 0, 0);
}

/**
 * Sets up a namespace that has only loopback: connections to the range of names arrive in the namespace
 * itself, and no other address can be reached. Throws a SysError.
 * @param socket a netlink socket of the namespace
 */
export function routeToRelay(socket: number): void {
  const address = Uint8Array.of(AF.INET, 32, 0, SCOPE_HOST, ...uint32(LOOPBACK_INDEX));
  change(
    ...([socket, RTM.NEWADDR, address] as const),
    [
      [IFA.LOCAL, OWN_ADDRESS],
      [IFA.ADDRESS, OWN_ADDRESS],
    ],
    "add an address for names",
    NLM_F_CREATE_REPLACE,
  );
  routeAddress(socket, RANGE.base, RANGE.bits);
  for (const family of [AF.INET, AF.INET6]) {
    const route = rtmsg(family, 0, TABLE_MAIN, 0, RTN.UNREACHABLE);
    try {
      change(socket, RTM.NEWROUTE, route, [], "make everything else unreachable", NLM_F_CREATE_REPLACE);
    } catch (error) {
      // EOPNOTSUPP: the kernel has no IPv6.
      if (family === AF.INET || !(error instanceof SysError) || error.errno !== E.EOPNOTSUPP) throw error;
    }
  }
}

/** Makes connections to these addresses arrive in the namespace itself. Throws a SysError. */
export function routeAddress(socket: number, address: Address, bits = 32): void {
  const route = rtmsg(AF.INET, bits, TABLE_LOCAL, SCOPE_HOST, RTN.LOCAL);
  const attributes = [
    [RTA.DST, address],
    [RTA.OIF, uint32(LOOPBACK_INDEX)],
  ] as const;
  change(socket, RTM.NEWROUTE, route, attributes, "add a route for names", NLM_F_CREATE_REPLACE);
}

/**
 * Tells where the kernel sends packets for an address: to another host, to this machine (own), or nowhere
 * (none). Broadcasts, and addresses without a route, lead nowhere.
 * @param socket a netlink socket of the caller's namespace
 */
export function leadsToOther(socket: number, address: Address): "other" | "own" | "none" {
  const family = address.length === 4 ? AF.INET : AF.INET6;
  const question = rtmsg(family, 8 * address.length, 0, 0, 0);
  try {
    const { body } = get(socket, RTM.GETROUTE, question, [[RTA.DST, address]], "ask for a route");
    const type = body.getUint8(7);
    return type === RTN.UNICAST ? "other" : type === RTN.LOCAL ? "own" : "none";
  } catch (error) {
    if (error instanceof SysError) return "none";
    throw error;
  }
}
