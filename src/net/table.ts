/** Addresses that stand for names inside: one for each name that was asked for, from a range that no host has (RFC 2544). */
import { type Address, parseIpv4 } from "./address.ts";

/** 198.18.0.0/15. */
export const RANGE = { base: Uint8Array.of(198, 18, 0, 0), bits: 15 } as const;

/** The address at which the relay itself is reached: DNS, and proxies. */
export const OWN_ADDRESS: Address = Uint8Array.of(198, 18, 0, 1);

/** So many names one container may ask for: a wildcard has names without end. */
const MOST_NAMES = 16_384;

const FIRST = 256;

/** Names and their addresses; both ways. */
export class NameTable {
  private readonly byName = new Map<string, number>();
  private readonly names: string[] = [];

  /** The address of a name; null when there are too many. */
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

  /** The name that an address stands for; null for another address. */
  nameOf(address: Address): string | null {
    if (address[0] !== 198 || address[1] !== 18) return null;
    return this.names[((address[2]! << 8) | address[3]!) - FIRST] ?? null;
  }

  /** The same of an address in dots. */
  nameOfText(text: string): string | null {
    const address = parseIpv4(text);
    return address === null ? null : this.nameOf(address);
  }
}
