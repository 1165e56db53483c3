/** Tests of parsers and formatters in C: the calendar, numbers, passwd(5). The files are compiled into a library. */

import { dlopen, FFIType, ptr } from "bun:ffi";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";

const SOURCE = `
#include "front/moment.c"
#include "plan/passwd.c"
BRUN_EXPORT void test_date(char *to, uint32_t days) { *date(to, days) = 0; }
BRUN_EXPORT long test_decimal(char *to, uint64_t value) { return (long)text_decimal(to, value); }
BRUN_EXPORT int test_number(const char *s) { return text_number(s); }
BRUN_EXPORT long test_home(char *to, uint64_t uid, const char *path) { return write_home(to, uid, path); }
`;

function build(directory: string) {
  const library = `${directory}/tables.so`;
  writeFileSync(`${directory}/tables.c`, SOURCE);
  // The exported functions do not reach the undefined symbols of these files.
  const flags = [
    "-O1",
    "-shared",
    "-fPIC",
    "-nostdlib",
    "-ffreestanding",
    "-ffunction-sections",
    "-Wl,--gc-sections",
  ];
  const argv = ["cc", ...flags, `-I${import.meta.dir}`, "-o", library, `${directory}/tables.c`];
  const { exitCode, stderr } = Bun.spawnSync(argv);
  if (exitCode !== 0) throw new Error(stderr.toString());
  return dlopen(library, {
    test_date: { args: [FFIType.ptr, FFIType.u32], returns: FFIType.void },
    test_decimal: { args: [FFIType.ptr, FFIType.u64], returns: FFIType.i64 },
    test_number: { args: [FFIType.ptr], returns: FFIType.i32 },
    test_home: { args: [FFIType.ptr, FFIType.u64, FFIType.ptr], returns: FFIType.i64 },
  });
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(`${text}\0`);
const room = new Uint8Array(8192);
const textIn = (buffer: Uint8Array): string =>
  new TextDecoder().decode(buffer.subarray(0, buffer.indexOf(0)));

let directory: string;
let c: ReturnType<typeof build>;
beforeAll(() => {
  directory = mkdtempSync(`${tmpdir()}/brun-tables-`);
  c = build(directory);
});
afterAll(() => {
  c.close();
  rmSync(directory, { recursive: true });
});

test("the calendar is that of JavaScript, for each day of 1970 to 2400", () => {
  const days = Date.UTC(2401, 0, 1) / 86400000;
  const different: string[] = [];
  for (let day = 0; day < days; day++) {
    c.symbols.test_date(ptr(room), day);
    const expected = new Date(day * 86400000).toISOString().slice(0, 11);
    const got = textIn(room);
    if (got !== expected) different.push(`${got}, not ${expected}`);
  }
  expect(different).toEqual([]);
});

test.each([0n, 9n, 10n, 4294967295n, 4294967296n, 18446744073709551615n])("%s in decimal digits", (value) => {
  room.fill(0);
  expect(Number(c.symbols.test_decimal(ptr(room), value))).toBe(value.toString().length);
  expect(textIn(room)).toBe(value.toString());
});

test.each<[string, number]>([
  ["0", 0],
  ["7", 7],
  ["007", 7],
  ["999999999", 999999999],
  ["1000000000", -1],
  ["", -1],
  ["-1", -1],
  ["+1", -1],
  [" 1", -1],
  ["1 ", -1],
  ["1a", -1],
  ["0x10", -1],
])("%p as a number is %d", (text, number) => {
  expect(c.symbols.test_number(ptr(bytes(text)))).toBe(number);
});

describe("HOME by passwd(5)", () => {
  const home = (passwd: string, uid: number): string => {
    const file = `${directory}/passwd`;
    writeFileSync(file, passwd);
    c.symbols.test_home(ptr(room), BigInt(uid), ptr(bytes(file)));
    return textIn(room);
  };
  const long = `/${"x".repeat(5000)}`;

  test.each<[string, string, number, string]>([
    ["root's", "root:x:0:0:root:/root:/bin/sh\n", 0, "/root"],
    ["the last line without an end", "a:x:1:1::/a:/bin/sh\nb:x:2:2::/b:/bin/sh", 2, "/b"],
    ["no shell", "a:x:1:1::/a", 1, "/a"],
    ["the first of two", "a:x:1:1::/a:\nb:x:1:1::/b:\n", 1, "/a"],
    ["of a longer uid that begins alike", "a:x:10:1::/a:\nb:x:1:1::/b:\n", 1, "/b"],
    ["of a shorter uid that it begins with", "a:x:1:1::/a:\nb:x:10:1::/b:\n", 10, "/b"],
    ["too few fields", "a:x:1\nb:x:1:1::/b:\n", 1, "/b"],
    ["an empty home", "a:x:1:1:::\nb:x:1:1::/b:\n", 1, "/b"],
    ["nobody's", "a:x:1:1::/a:\n", 3, "/"],
    ["a comment and empty lines", "# a:x:1\n\n\nb:x:1:1::/b:\n", 1, "/b"],
    ["a uid with a sign or a blank", "a:x:+1:1::/a:\nb:x: 1:1::/b:\nc:x:1:1::/c:\n", 1, "/c"],
    ["a home that is too long", `a:x:1:1::${long}:\nb:x:1:1::/b:\n`, 1, "/b"],
    ["a name that is too long", `${long}:x:1:1::/a:\n`, 1, "/a"],
    ["an empty file", "", 0, "/"],
  ])("%s", (_name, passwd, uid, expected) => {
    expect(home(passwd, uid)).toBe(expected);
  });

  test("of no file, and of what is no file", () => {
    for (const path of [`${directory}/none`, directory, "/dev/zero"]) {
      c.symbols.test_home(ptr(room), 0n, ptr(bytes(path)));
      expect(textIn(room)).toBe("/");
    }
  });
});
