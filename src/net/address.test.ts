import { describe, expect, test } from "bun:test";
import { addressText, parseIpv4, parseIpv6, reachOf, unmapped } from "./address.ts";

const parse = (text: string) => parseIpv4(text) ?? parseIpv6(text);

describe("texts of addresses", () => {
  for (const [text, again] of [
    ["1.2.3.4", "1.2.3.4"],
    ["::", "0:0:0:0:0:0:0:0"],
    ["::1", "0:0:0:0:0:0:0:1"],
    ["2001:DB8::8:800:200c:417a", "2001:db8:0:0:8:800:200c:417a"],
    ["::ffff:1.2.3.4", "0:0:0:0:0:ffff:102:304"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
  ] as const) {
    test(text, () => expect(addressText(parse(text)!)).toBe(again));
  }
  test("an IPv4 address in an IPv6 address", () => {
    expect(addressText(unmapped(parse("::ffff:1.2.3.4")!))).toBe("1.2.3.4");
    for (const text of ["1.2.3.4", "::1.2.3.4", "::fffe:1.2.3.4"])
      expect(unmapped(parse(text)!)).toEqual(parse(text)!);
  });
  // Forms of inet_aton(3) and others. Some programs read them as 127.0.0.1.
  for (const text of [
    "127.1",
    "0177.0.0.1",
    "0x7f.0.0.1",
    "2130706433",
    "1.2.3.4.5",
    "1.2.3.256",
    "1.2.3.",
    " 1.2.3.4",
  ])
    test(`"${text}" is none`, () => expect(parse(text)).toBeNull());
  for (const text of [
    ":",
    ":::",
    "1:2:3:4:5:6:7",
    "1::2::3",
    "1:2:3:4:5:6:7:8:9",
    "fe80::1%eth0",
    "12345::",
    "::1.2.3",
  ])
    test(`"${text}" is none`, () => expect(parse(text)).toBeNull());
});

describe("what an address is", () => {
  for (const [reach, texts] of [
    [
      "public",
      [
        "8.8.8.8",
        "203.0.113.1",
        "172.32.0.1",
        "100.128.0.1",
        "2001:db8::1",
        "64:ff9b::808:808",
        "2002:808:808::",
      ],
    ],
    [
      "private",
      ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fd00::1", "::ffff:10.0.0.1"],
    ],
    [
      "local",
      [
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "fd00:ec2::254",
      ],
    ],
    [
      "local",
      ["::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::ffff:169.254.169.254", "fd20:ce::254"],
    ],
    [
      "none",
      ["0.0.0.0", "0.1.2.3", "198.18.0.1", "198.19.255.255", "224.0.0.1", "255.255.255.255", "192.0.0.192"],
    ],
    ["none", ["::", "::1", "fe80::1", "ff02::1", "::7f00:1", "2001::1", "fec0::1"]],
  ] as const) {
    test(`${reach}: ${texts.join(" ")}`, () => {
      expect(texts.map((text) => `${text} ${reachOf(parse(text)!)}`)).toEqual(
        texts.map((text) => `${text} ${reach}`),
      );
    });
  }
});
