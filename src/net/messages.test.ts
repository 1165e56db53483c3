/** Parsers of messages from programs and servers: DNS, TLS, and requests to proxies. */
import { describe, expect, test } from "bun:test";
import { answer, parseAnswer, parseQuery, query, RCODE, TYPE } from "./dns-message.ts";
import { type Hello, readHello } from "./hello.ts";
import { ProxyTalk } from "./proxy.ts";
import { hostsEntries, nameServers } from "./resolver.ts";
import { NameTable } from "./table.ts";

const v4 = Uint8Array.of(192, 0, 2, 1);
const text = (bytes: string) => new TextEncoder().encode(bytes);
const asked = (message: Uint8Array) => {
  const question = parseQuery(message);
  if (question === null || "error" in question) throw new Error("no question");
  return question;
};

describe("DNS", () => {
  test("a question and its answer", () => {
    const question = asked(query(7, "www.example.org", TYPE.A));
    expect(question).toMatchObject({ id: 7, name: "www.example.org", type: TYPE.A });
    const reply = answer(question, RCODE.ok, [v4], 30);
    expect(parseAnswer(reply, 7, "www.example.org", TYPE.A)).toEqual({
      ...{ rcode: 0, truncated: false, addresses: [v4], ttl: 30 },
    });
    expect(parseAnswer(reply, 8, "www.example.org", TYPE.A)).toBeNull();
    expect(parseAnswer(reply, 7, "w.example.org", TYPE.A)).toBeNull();
    expect(parseAnswer(reply, 7, "www.example.org", TYPE.AAAA)).toBeNull();
  });
  test("an answer by way of other names, and addresses of names that were not asked for", () => {
    const name = (...labels: string[]) => [...labels.flatMap((label) => [label.length, ...text(label)]), 0];
    const record = (owner: number[], type: number, data: number[]) => [
      ...owner,
      0,
      type,
      0,
      1,
      0,
      0,
      0,
      9,
      0,
      data.length,
      ...data,
    ];
    const head = query(1, "a.example", TYPE.A);
    head.set([0x81, 0x80], 2);
    head[7] = 3;
    const all = Uint8Array.of(
      ...head,
      ...record([0xc0, 12], TYPE.CNAME, name("b", "example")),
      ...record(name("evil", "example"), TYPE.A, [127, 0, 0, 1]),
      ...record(name("B", "example"), TYPE.A, [...v4]),
    );
    expect(parseAnswer(all, 1, "a.example", TYPE.A)?.addresses).toEqual([v4]);
  });
  test("names that lead in circles or beyond the end", () => {
    for (const name of [
      [0xc0, 12],
      [1, 97, 0xc0, 12],
      [0xc0, 14, 0xc0, 12],
      [0xff, 0xff],
      [63, 1, 2],
      [0x40, 1],
    ]) {
      const message = Uint8Array.of(0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...name, 0, 1, 0, 1);
      expect(parseQuery(message)).toEqual({ id: 1, error: RCODE.formErr });
    }
  });
  test("bytes that no name of a host has are no name of a host", () => {
    const message = Uint8Array.of(0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 97, 46, 98, 0, 0, 1, 0, 1);
    expect(asked(message).name).toBe("a\\046b");
  });
  test("anything at all is understood or not, and throws nothing", () => {
    let state = 1;
    const next = () => {
      state = (state * 1103515245 + 12345) & 0x7fffffff;
      return state >> 8;
    };
    const good = query(1, "www.example.org", TYPE.A);
    for (let i = 0; i < 20_000; i++) {
      const bytes = i % 2 === 0 ? good.slice() : Uint8Array.from({ length: next() % 80 }, () => next() & 255);
      for (let n = next() % 4; n > 0; n--) bytes[next() % Math.max(bytes.length, 1)] = next() & 255;
      parseQuery(bytes);
      parseAnswer(bytes, 1, "www.example.org", TYPE.A);
      readHello(bytes);
      new ProxyTalk().feed(bytes);
    }
  });
  test("files of the host", () => {
    expect(nameServers("# x\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\nnameserver ::1\n")).toHaveLength(
      2,
    );
    expect(nameServers("")).toEqual([Uint8Array.of(127, 0, 0, 1)]);
    expect(hostsEntries("192.0.2.1 A.example b # a.example\n::1 a.example", "a.example")).toHaveLength(2);
    expect(hostsEntries("192.0.2.1 xa.example", "a.example")).toEqual([]);
  });
  test("addresses that stand for names", () => {
    const table = new NameTable();
    for (let i = 0; i < 16_384; i++) {
      const address = table.addressOf(`${i}.example`)!;
      if (i % 1000 === 0) expect(table.nameOf(address)).toBe(`${i}.example`);
    }
    expect(table.addressOf("5.example")).toEqual(table.addressOf("5.example"));
    expect(table.addressOf("more.example")).toBeNull();
    expect(table.nameOf(Uint8Array.of(198, 18, 0, 1))).toBeNull();
    expect(table.nameOf(Uint8Array.of(198, 19, 1, 0))).toBeNull();
  });
});

/** A client hello with these extensions. */
function hello(...extensions: (readonly [type: number, data: readonly number[]])[]): number[] {
  const u16 = (n: number) => [n >> 8, n & 255];
  const list = extensions.flatMap(([type, data]) => [...u16(type), ...u16(data.length), ...data]);
  const body = [3, 3, ...new Array<number>(32).fill(0), 0, 0, 2, 0x13, 1, 1, 0, ...u16(list.length), ...list];
  return [1, 0, ...u16(body.length), ...body];
}
const sni = (name: string, kind = 0): readonly [number, number[]] => {
  const bytes = [...text(name)];
  return [0, [0, bytes.length + 3, kind, 0, bytes.length, ...bytes]];
};
const records = (message: number[], size: number): Uint8Array => {
  const all: number[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.slice(at, at + size);
    all.push(22, 3, 1, part.length >> 8, part.length & 255, ...part);
  }
  return Uint8Array.from(all);
};

describe("TLS", () => {
  const whole = hello([10, [0, 2, 0, 29]], sni("Example.org"));
  for (const size of [1, 2, 7, 1000]) {
    test(`in records of ${size}`, () =>
      expect(readHello(records(whole, size))).toEqual({ is: "name", name: "example.org" }));
  }
  test("each part of it wants more", () => {
    const bytes = records(whole, 20);
    for (let n = 0; n < bytes.length; n++) expect(readHello(bytes.slice(0, n))).toEqual({ is: "more" });
  });
  for (const [what, message, is] of [
    ["without a name", hello([10, []]), { is: "name", name: null }],
    ["without extensions", hello().slice(0, -2), null],
    ["with two names", hello(sni("a.example"), sni("b.example")), { is: "bad" }],
    ["with another kind of name", hello(sni("a.example", 1)), { is: "bad" }],
    ["with a name that is cut off", hello([0, [0, 9, 0, 0, 9, 97]]), { is: "bad" }],
    ["a server's", [2, 0, 0, 2, 3, 3], { is: "bad" }],
    ["of a megabyte", [1, 16, 0, 0, 3, 3], { is: "bad" }],
  ] as const) {
    const bytes = [...message];
    if (is === null) bytes.splice(1, 3, 0, 0, bytes.length - 4);
    test(what, () =>
      expect(readHello(records(bytes, 1000))).toEqual((is ?? { is: "name", name: null }) as Hello),
    );
  }
  test("no TLS, and TLS in an alert", () => {
    expect(readHello(text("GET / HTTP/1.1\r\n"))).toEqual({ is: "other" });
    expect(readHello(Uint8Array.of(21, 3, 1, 0, 2, 1, 0))).toEqual({ is: "other" });
    expect(readHello(Uint8Array.of(22, 2, 0, 0, 2, 1, 0))).toEqual({ is: "bad" });
  });
});

describe("proxies", () => {
  const http = (request: string) => new ProxyTalk().feed(text(request));
  test("CONNECT", () => {
    expect(http("CONNECT Example.org:443 HTTP/1.1\r\nhost: x\r\n\r\nmore")).toEqual({
      ...{ do: "dial", host: "example.org", port: 443, rest: text("more") },
    });
    expect(http("CONNECT example.org:443 HTTP/1.1\r\n")).toEqual({ do: "more" });
  });
  for (const request of [
    "GET http://example.org/ HTTP/1.1\r\n\r\n",
    "CONNECT example.org HTTP/1.1\r\n\r\n",
    "CONNECT a b:443 HTTP/1.1\r\n\r\n",
    "CONNECT example.org:99999 HTTP/1.1\r\n\r\n",
    "CONNECT [::1]:80 HTTP/1.1\r\n\r\n",
    "CONNECT 2130706433:80 HTTP/1.1\r\n\r\n".replace("2130706433", "a_%.b"),
    `CONNECT ${"a".repeat(9000)}`,
  ])
    test(JSON.stringify(request.slice(0, 40)), () => expect(http(request)).toMatchObject({ do: "fail" }));
  test("SOCKS5, byte by byte and at once", () => {
    const greeting = [5, 1, 0];
    const request = [5, 1, 0, 3, 11, ...text("example.org"), 1, 187];
    const talk = new ProxyTalk();
    const turns = [...greeting, ...request].map((byte) => talk.feed(Uint8Array.of(byte)));
    expect(turns[2]).toEqual({ do: "more", reply: Uint8Array.of(5, 0) });
    expect(turns.at(-1)).toMatchObject({ do: "dial", host: "example.org", port: 443 });
    expect(new ProxyTalk().feed(Uint8Array.of(...greeting, ...request, 9))).toEqual({
      ...{ do: "dial", reply: Uint8Array.of(5, 0), host: "example.org", port: 443, rest: Uint8Array.of(9) },
    });
  });
  for (const [what, bytes] of [
    ["with a login", [5, 1, 2]],
    ["to listen", [5, 1, 0, 5, 2, 0, 1, 1, 2, 3, 4, 0, 80]],
    ["for UDP", [5, 1, 0, 5, 3, 0, 1, 1, 2, 3, 4, 0, 80]],
    ["to an IPv6 address", [5, 1, 0, 5, 1, 0, 4, ...new Array<number>(18).fill(0)]],
    ["to port 0", [5, 1, 0, 5, 1, 0, 1, 1, 2, 3, 4, 0, 0]],
  ] as const) {
    test(`SOCKS5 ${what}`, () =>
      expect(new ProxyTalk().feed(Uint8Array.from(bytes))).toMatchObject({ do: "fail" }));
  }
});
