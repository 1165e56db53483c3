import { describe, expect, test } from "bun:test";
import { Policy, parseRule, parseRules, ruleText, ruleTexts } from "./rules.ts";

const policy = (...texts: string[]) => new Policy(parseRules(texts), false);

test("what a list allows", () => {
  const list = policy(
    "Example.ORG.",
    "db.example.org:5432",
    "*.wild.example:443",
    "192.0.2.7:22",
    "localhost:80",
    "bücher.example",
  );
  for (const [host, port, is] of [
    ["example.org", 80, true],
    ["example.org", 443, true],
    ["example.org", 22, false],
    ["www.example.org", 443, false],
    ["badexample.org", 443, false],
    ["db.example.org", 5432, true],
    ["db.example.org", 443, false],
    ["wild.example", 443, false],
    ["a.wild.example", 443, true],
    ["a.b.wild.example", 443, true],
    ["awild.example", 443, false],
    ["192.0.2.7", 22, true],
    ["192.0.2.8", 22, false],
    ["127.0.0.1", 80, true],
    ["xn--bcher-kva.example", 443, true],
  ] as const)
    expect([host, port, list.allows(host, port)]).toEqual([host, port, is]);
  expect(list.knows("db.example.org")).toBe(true);
  expect(list.knows("x.db.example.org")).toBe(false);
  expect(list.namesAddress("127.0.0.1", null)).toBe(true);
  expect(list.namesAddress("127.0.0.1", 81)).toBe(false);
});

test("a list changes", () => {
  const list = policy("a.example", "a.example:22");
  list.remove([parseRule("a.example")]);
  expect([list.allows("a.example", 443), list.allows("a.example", 22)]).toEqual([false, true]);
  expect(list.rules.map(ruleText)).toEqual(["a.example:22"]);
});

describe("what is no entry", () => {
  for (const [text, message] of [
    ["*", '"*" allows everything'],
    ["*.*", '"*.*" allows everything'],
    ["*.", '"*." allows everything'],
    ["*:443", '"*:443" allows everything'],
    ["**", '"**" allows everything'],
    ["a.*.example", '"a.*.example" is no name of a host'],
    ["*x.example", '"*x.example" is no name of a host'],
    ["", '"" is no name of a host'],
    ["a..b", '"a..b" is no name of a host'],
    ["-a.example", '"-a.example" is no name of a host'],
    ["a b", '"a b" is no name of a host'],
    ["https://example.org", '"https://example.org" is no name'],
    ["example.org/path", '"example.org/path" is no name'],
    ["10.0.0.0/8", '"10.0.0.0/8" is no name'],
    ["[::1]:80", '"[::1]:80" is an IPv6 address'],
    ["::1", '"::1" is an IPv6 address'],
    ["127.1", '"127.1" is no name of a host'],
    ["0x7f.1", '"0x7f.1" is no name of a host'],
    ["2130706433", '"2130706433" is no name of a host'],
    ["0.0.0.0", '"0.0.0.0" is no address of a host'],
    ["198.18.0.1", '"198.18.0.1" is no address of a host'],
    ["a.example:0", '"a.example:0" has no port'],
    ["a.example:65536", '"a.example:65536" has no port'],
    ["a.example:", '"a.example:" has no port'],
    ["a.example:http", '"a.example:http" has no port'],
    ["a.example:80:81", '"a.example:80:81" has no port'],
    ["a.example:80-90", '"a.example:80-90" has no port'],
    ["a.example:1e3", '"a.example:1e3" has no port'],
    ["fe80::1%eth0", '"fe80::1%eth0" is an IPv6 address'],
    ["1:2:3:4:5:6:7:8", '"1:2:3:4:5:6:7:8" is an IPv6 address'],
    ["a.example:53", '"a.example:53" is DNS, which brun answers itself'],
    [`${"a".repeat(64)}.example`, "is no name of a host"],
  ] as const) {
    test(text.slice(0, 30), () => expect(() => parseRule(text)).toThrow(message));
  }
  test("more ports than there are sockets for", () => {
    const texts = Array.from({ length: 65 }, (_, i) => `a.example:${1000 + i}`);
    expect(() => parseRules(texts)).toThrow("65 different ports");
    expect(parseRules(texts.slice(1))).toHaveLength(64);
  });
});

test("a file of names", () => {
  const read = (where: string, path: string) =>
    `# ${where}\n a.example \n\nb.example:22 # git\r\n${path}.example`;
  expect(ruleTexts(["x.example", "@names"], read)).toEqual([
    "x.example",
    "a.example",
    "b.example:22",
    "names.example",
  ]);
});
