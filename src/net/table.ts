/**
 * Addresses that stand for names in the container. Each name that was asked for gets an address of a range
 * that no host has (RFC 2544).
 */
import { type Address, parseIpv4 } from "./address.ts";

/** 198.18.0.0/15. */
export const RANGE = { base: Uint8Array.of(198, 18, 0, 0), bits: 15 } as const;

/** Whether an address is in the range, so that the kernel and the relay's sockets answer it. */
export function isInRange(address: Address): boolean {
  return address.length === 4 && address[0] === RANGE.base[0] && (address[1]! & 0xfe) === RANGE.base[1];
}

/** The address of the relay itself, for DNS and proxies. */
export const OWN_ADDRESS: Address = Uint8Array.of(198, 18, 0, 1);

/** The maximum of names for one container: a wildcard allows any number of names. */
const MOST_NAMES = 16_384;

const FIRST = 256;

/** Maps names to their addresses, and back. */
export class NameTable {
  private readonly byName = new Map<string, number>();
  private readonly names: string[] = [];

  /** The address of a name; null if there are too many names. */
  addressOf(name: string): Address | null {
    let index = this.byName.get(name);
    if (index === undefined) {
      if (this.names.length >= MOST_NAMES) return null;
      index = this.names.push(name) - 1;
      this.byName.set(name, index);
    }
    const at = FIRST + index;
    return Uint8Array.of(198, 18, at >> 8, at & 255);
  }

  /** The name of an address; null for another address. */
  nameOf(address: Address): string | null {
    if (!isInRange(address) || address[1] !== 18) return null;
    return this.names[((address[2]! << 8) | address[3]!) - FIRST] ?? null;
  }

  /** The name of an address in dots; null for another text. */
  nameOfText(text: string): string | null {
    const address = parseIpv4(text);
    return address === null ? null : this.nameOf(address);
  }
}
