/** What is read from packets that are refused, and the answers. */
import { expect, test } from "bun:test";
import { parseIpv4, parseIpv6 } from "./address.ts";
import { attemptOf, refusalOf } from "./attempt.ts";

const SOURCE = [198, 18, 0, 1];
const ADDRESS = [203, 0, 113, 9];
const SOURCE_V6 = [...parseIpv6("::1")!];
const ADDRESS_V6 = [...parseIpv6("2001:db8::9")!];
/** Ports 4096 and 443, numbers, and the flags of TCP. */
const tcp = (flags: number) => [0x10, 0, 1, 0xbb, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0, 0];
const UDP = [0x10, 0, 1, 0xbb, 0, 9, 0, 0, 120];
const v4 = (protocol: number, rest: readonly number[], words = 5, fragment = 0) =>
  Uint8Array.from([
    ...[
      0x40 + words,
      0,
      0,
      0,
      0,
      0,
      fragment >> 8,
      fragment & 255,
      64,
      protocol,
      0,
      0,
      ...SOURCE,
      ...ADDRESS,
    ],
    ...new Array<number>(Math.max(0, 4 * words - 20)).fill(1),
    ...rest,
  ]);
const v6 = (next: number, rest: readonly number[]) =>
  Uint8Array.from([0x60, 0, 0, 0, 0, rest.length, next, 64, ...SOURCE_V6, ...ADDRESS_V6, ...rest]);

/** The sum of 16-bit words, which is 0xffff over bytes with their checksum. */
const sumOf = (bytes: Uint8Array, begin = 0) => {
  let sum = begin;
  for (let i = 0; i < bytes.length; i++) sum += bytes[i]! * (i % 2 === 0 ? 256 : 1);
  return sum % 0xffff === 0 ? 0xffff : sum % 0xffff;
};

const TCP_V4 = {
  protocol: "TCP",
  port: 443,
  source: parseIpv4("198.18.0.1"),
  address: Uint8Array.from(ADDRESS),
};
const TCP_V6 = { ...TCP_V4, source: Uint8Array.from(SOURCE_V6), address: Uint8Array.from(ADDRESS_V6) };

test("first packets, with options and extension headers", () => {
  expect(attemptOf(v4(6, tcp(2)))).toEqual(TCP_V4 as never);
  expect(attemptOf(v4(6, tcp(0xc2), 15))).toEqual(TCP_V4 as never);
  expect(attemptOf(v4(17, UDP, 5, 0x2000))).toEqual({ ...TCP_V4, protocol: "UDP" } as never);
  expect(attemptOf(v6(6, tcp(2)))).toEqual(TCP_V6 as never);
  const options = [60, 1, ...new Array<number>(14).fill(0)];
  expect(
    attemptOf(v6(0, [...options, 44, 0, ...new Array<number>(6).fill(0), 17, 0, 0, 1, 0, 0, 0, 0, ...UDP])),
  ).toEqual({
    ...{ ...TCP_V6, protocol: "UDP" },
  } as never);
});

test("what is no first packet, or is cut off", () => {
  for (const packet of [
    ...[v4(6, tcp(0x12)), v4(6, tcp(0x10)), v6(6, tcp(4)), v4(1, UDP), v6(58, UDP), v4(132, UDP)],
    ...[
      v4(17, UDP, 5, 1),
      v4(6, tcp(2), 4),
      v4(6, tcp(2), 5).subarray(0, 27),
      v4(6, tcp(2), 15).subarray(0, 40),
    ],
    ...[v6(6, tcp(2)).subarray(0, 39), v6(6, tcp(2)).subarray(0, 47), v6(60, [6, 200, ...tcp(2)])],
    ...[
      v6(44, [17, 0, 0, 8, 0, 0, 0, 0, ...UDP]),
      new Uint8Array(0),
      Uint8Array.of(0x45),
      Uint8Array.of(0x60),
    ],
  ])
    expect([[...packet], attemptOf(packet)]).toEqual([[...packet], null]);
});

test("the answer goes to the source, quotes the packet, and its checksums fit", () => {
  for (const words of [5, 6, 15]) {
    const packet = v4(17, UDP, words);
    const reply = refusalOf(packet, attemptOf(packet)!);
    expect([reply[0], reply[9], ...reply.subarray(16, 22)]).toEqual([0x45, 1, ...SOURCE, 3, 13]);
    expect([...reply.subarray(28)]).toEqual([...packet.subarray(0, 4 * words + 8)]);
    expect([reply[2]! * 256 + reply[3]!, sumOf(reply.subarray(0, 20)), sumOf(reply.subarray(20))]).toEqual([
      ...[reply.length, 0xffff, 0xffff],
    ]);
  }
  for (const [packet, code] of [
    [v6(6, tcp(2)), 3],
    [v6(17, UDP), 1],
  ] as const) {
    const reply = refusalOf(packet, attemptOf(packet)!);
    expect([reply[6], ...reply.subarray(24, 42)]).toEqual([58, ...SOURCE_V6, 1, code]);
    expect([...reply.subarray(48)]).toEqual([...packet]);
    expect(sumOf(reply.subarray(8), reply.length - 40 + 58)).toBe(0xffff);
  }
});

test("packets by chance", () => {
  let found = 0;
  for (let i = 0; i < 20_000; i++) {
    const packet = crypto.getRandomValues(new Uint8Array(Math.floor(Math.random() * 128)));
    if (i % 4 > 0) packet[0] = i % 2 === 0 ? 0x40 + (i % 16) : 0x60;
    if (i % 3 > 0) packet[packet[0] === 0x60 ? 6 : 9] = [0, 6, 17, 43, 44, 60][i % 6]!;
    const attempt = attemptOf(packet);
    if (attempt === null) continue;
    found += 1;
    const reply = refusalOf(packet, attempt);
    expect(reply.length).toBeLessThan(200);
  }
  expect(found).toBeGreaterThan(100);
});
