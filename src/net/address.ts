/** IP addresses: their texts and bytes, and where they lead. */

/** An address as its 4 or 16 bytes, in network order. */
export type Address = Uint8Array;

/** Parses a dotted IPv4 address, without the short forms of inet_aton(3). Null for another text. */
export function parseIpv4(text: string): Address | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  const bytes = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    const part = parts[i]!;
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return null;
    bytes[i] = Number(part);
  }
  return bytes;
}

/** Parses an IPv6 address without a zone (RFC 4291, 2.2). Null for another text. */
export function parseIpv6(text: string): Address | null {
  if (!/^[0-9a-fA-F:.]+$/.test(text) || !text.includes(":")) return null;
  let words = text;
  const dot = text.indexOf(".");
  if (dot >= 0) {
    const colon = text.lastIndexOf(":");
    const v4 = parseIpv4(text.slice(colon + 1));
    if (v4 === null) return null;
    const hex = (i: number) => ((v4[i]! << 8) | v4[i + 1]!).toString(16);
    words = `${text.slice(0, colon + 1)}${hex(0)}:${hex(2)}`;
  }
  const halves = words.split("::");
  if (halves.length > 2) return null;
  const [left, right] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - left!.length - (right?.length ?? 0);
  if (right === undefined ? missing !== 0 : missing < 1) return null;
  const all = [...left!, ...new Array<string>(missing).fill("0"), ...(right ?? [])];
  if (!all.every((word) => /^[0-9a-fA-F]{1,4}$/.test(word))) return null;
  return Uint8Array.from(
    all.flatMap((word) => [Number.parseInt(word, 16) >> 8, Number.parseInt(word, 16) & 255]),
  );
}

/** The text of an address. */
export function addressText(address: Address): string {
  if (address.length === 4) return address.join(".");
  return Array.from({ length: 8 }, (_, i) =>
    ((address[2 * i]! << 8) | address[2 * i + 1]!).toString(16),
  ).join(":");
}

/** The IPv4 address that an IPv6 address is mapped to (::ffff:0:0/96); any other address itself. */
export function unmapped(address: Address): Address {
  return address.length === 16 && isIn(address, MAPPED) ? address.subarray(12) : address;
}

/**
 * Where an address leads.
 * - `local`: to this machine, its links, or its cloud's metadata. A list has to contain such an address
 * itself.
 * - `none`: no host has the address.
 */
export type Reach = "public" | "private" | "local" | "none";

type Range = readonly [prefix: string, bits: number, reach: Reach];

/**
 * IANA's special-purpose registries, and addresses at which clouds serve credentials. The first range that
 * contains an address counts.
 */
const IPV4: readonly Range[] = [
  ["100.100.100.200", 32, "local"],
  ["168.63.129.16", 32, "local"],
  ["0.0.0.0", 8, "none"],
  ["10.0.0.0", 8, "private"],
  ["100.64.0.0", 10, "private"],
  ["127.0.0.0", 8, "local"],
  ["169.254.0.0", 16, "local"],
  ["172.16.0.0", 12, "private"],
  ["192.0.0.0", 24, "none"],
  ["192.168.0.0", 16, "private"],
  ["198.18.0.0", 15, "none"],
  ["224.0.0.0", 3, "none"],
];

const IPV6: readonly Range[] = [
  ["fd00:ec2::", 32, "local"],
  ["fd20:ce::254", 128, "local"],
  ["fc00::", 7, "private"],
  ["2001::", 32, "none"],
  ["2000::", 3, "public"],
];

const MAPPED = ["::ffff:0:0", 96] as const;

/** Prefixes of IPv6 addresses that contain an IPv4 address, and the byte where that begins. */
const EMBEDDED: readonly (readonly [prefix: string, bits: number, at: number])[] = [
  [...MAPPED, 12],
  ["64:ff9b::", 96, 12],
  ["2002::", 16, 2],
];

/** Tells where an address leads, by the address alone. */
export function reachOf(address: Address): Reach {
  if (address.length === 4) return IPV4.find((range) => isIn(address, range))?.[2] ?? "public";
  const embedded = EMBEDDED.find((range) => isIn(address, range));
  if (embedded !== undefined) return reachOf(address.subarray(embedded[2], embedded[2] + 4));
  return IPV6.find((range) => isIn(address, range))?.[2] ?? "none";
}

function isIn(address: Address, [prefix, bits]: readonly [string, number, ...unknown[]]): boolean {
  const base = parseIpv4(prefix) ?? parseIpv6(prefix)!;
  for (let bit = 0; bit < bits; bit += 8) {
    const mask = bits - bit >= 8 ? 0xff : (0xff00 >> (bits - bit)) & 0xff;
    if (((address[bit / 8]! ^ base[bit / 8]!) & mask) !== 0) return false;
  }
  return true;
}
