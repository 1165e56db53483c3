import { afterEach, beforeEach, expect, test } from "bun:test";
import { NR, syscall } from "../sys/ffi.ts";
import { close, O } from "../sys/fs.ts";
import { fromUtf8, utf8 } from "../sys/utf8.ts";
import { NetClient } from "./client.ts";
import type { Handler, Loop } from "./loop.ts";
import { receive, send } from "./socket.ts";

let theirs: number;
let handle: Handler;
let late: (() => void)[];
let allowed: (readonly string[])[];
let client: NetClient;

beforeEach(() => {
  const pair = new Int32Array(2);
  syscall(NR.socketpair, 1, 1, 0, pair);
  theirs = pair[1]!;
  syscall(NR.fcntl, theirs, 4, O.NONBLOCK);
  late = [];
  allowed = [];
  const loop = {
    add: (_: number, __: number, handler: Handler) => {
      handle = handler;
    },
    after: (_: number, fire: () => void) => {
      late.push(fire);
      return fire;
    },
    cancel: (timer: () => void) => {
      late = late.filter((each) => each !== timer);
    },
    close,
  };
  client = new NetClient(loop as unknown as Loop, { fd: pair[0]!, asks: true }, (entries) =>
    allowed.push(entries),
  );
});
afterEach(() => close(theirs));

/** The messages to the program so far. */
// biome-ignore lint/suspicious/noExplicitAny: JSON, of which each field is compared.
function heard(): any[] {
  let text = "";
  for (const chunk = new Uint8Array(65536); ; ) {
    const n = receive(theirs, chunk);
    if (n <= 0) break;
    text += fromUtf8(chunk.subarray(0, n));
    handle(0);
  }
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

function answer(number: number, ...allow: string[]): void {
  send(theirs, utf8(`${JSON.stringify({ answer: number, allow })}\n`));
  handle(0);
}

test("a name is asked for once, and what was refused stays so", () => {
  const why: string[] = [];
  const ask = (name: string, port: number | null = null) => client.ask(name, port, (told) => why.push(told));
  ask("a.example");
  ask("a.example");
  ask("a.example", 22);
  expect(heard()).toEqual([
    { ask: 1, name: "a.example" },
    { ask: 2, name: "a.example", port: 22 },
  ]);
  expect(why).toEqual([]);
  answer(2);
  answer(1, "a.example");
  expect(allowed).toEqual([["a.example"]]);
  expect(why).toEqual(Array.from({ length: 3 }, () => "it is not in the list"));
  ask("a.example", 22);
  expect(why).toHaveLength(4);
  expect(heard()).toEqual([]);
});

test("what resolvers ask for besides, and addresses, are not asked", () => {
  const names = ["7.2.0.192.in-addr.arpa", "_ldap._tcp.a.example", "127.0.0.1", "a\\032b.example", ""];
  let count = 0;
  for (const name of names) client.ask(name, null, () => count++);
  expect([count, heard()]).toEqual([names.length, []]);
});

test("an answer that comes late is a no for who has waited, and counts later", () => {
  let why = "";
  client.ask("a.example", null, (told) => {
    why = told;
  });
  for (const fire of late) fire();
  expect(why).toEndWith("there was no answer in 30 s");
  answer(1, "a.example:8443");
  expect(allowed).toEqual([["a.example:8443"]]);
});

test("names without end are refused without a question", () => {
  let refused = 0;
  for (let i = 0; i < 1000; i++) client.ask(`${i}.example`, null, () => refused++);
  expect(heard()).toHaveLength(64);
  expect(refused).toBe(936);
  for (let i = 0; i < 1000; i++) client.ask("0.example", null, () => refused++);
  expect(refused).toBe(936 + 745);
});

test("events that nobody reads take no memory: how many were lost is told", () => {
  for (let i = 0; i < 50_000; i++) client.tell({ event: "dns", verdict: "refused", name: `${i}.example` });
  const told = heard();
  expect(told.at(-1)).toMatchObject({ event: "lost", count: 50_000 - (told.length - 1) });
  expect(told.length).toBeLessThan(40_000);
  expect(told.slice(0, -1).every(({ name }, i) => name === `${i}.example`)).toBe(true);
});

test("when the program has gone, nothing waits for it", () => {
  let refused = 0;
  client.ask("a.example", null, () => refused++);
  syscall(NR.shutdown, theirs, 2);
  handle(0);
  client.ask("b.example", null, () => refused++);
  client.tell({ event: "dns" });
  expect(refused).toBe(2);
});
