import { expect, test } from "bun:test";
import { constants } from "node:os";
import { errorLine } from "../errors.ts";
import { parseSignal } from "./signals.ts";

test("every name that the C library knows, with and without SIG, in any case", () => {
  for (const [name, number] of Object.entries(constants.signals)) {
    const short = name.slice(3);
    for (const form of [name, short, name.toLowerCase(), `sig${short}`, `Sig${short.toLowerCase()}`]) {
      expect([form, parseSignal(form)]).toEqual([form, number]);
    }
  }
});

test("numbers from 0 to 64", () => {
  for (const text of ["0", "9", "09", "64"]) expect(parseSignal(text)).toBe(Number(text));
});

test("real-time signals", () => {
  expect(parseSignal("RTMIN")).toBe(34);
  expect(parseSignal("SIGRTMIN+3")).toBe(37);
  expect(parseSignal("rtmin+30")).toBe(64);
  expect(parseSignal("SIGRTMAX")).toBe(64);
  expect(parseSignal("rtmax-30")).toBe(34);
});

test.each(["", "SIG", "SIGFOO", "-9", "65", "1.5", "0x9", "RTMIN-1", "RTMIN+31", "RTMAX+1", "RTMIN+", "9 "])(
  "%j is no signal",
  (text) => {
    let line = "";
    try {
      parseSignal(text);
    } catch (error) {
      line = errorLine(error);
    }
    expect(line).toStartWith(`unknown signal "${text}"`);
  },
);
