/**
 * The scanner of `exec --process` in the front. Whatever it takes, JSON.parse reads the same of it; what engines write it takes.
 * BRUN_PROCESS_FILES=N tries N files by chance.
 */
import { dlopen, FFIType, ptr } from "bun:ffi";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import fc from "fast-check";

const FILES = Number(process.env.BRUN_PROCESS_FILES ?? 3000);

/** Writes what was read: the terminal, numbers of arguments and variables, then all texts, each with a NUL. */
const SOURCE = `
#include "front/json.c"
#include "front/process-file.c"
static char *add(char *to, const char *text)
{
	size_t length = text_length(text) + 1;

	copy(to, text, length);
	return to + length;
}
BRUN_EXPORT long test_scan(char *to, unsigned char *data, size_t size);
BRUN_EXPORT long test_scan(char *to, unsigned char *data, size_t size)
{
	static struct process_file file;
	static char rest[1 << 16];
	char *begin = to;

	if (!process_file_scan(&file, data, size, rest))
		return -1;
	*to++ = (char)('0' + file.terminal);
	*to++ = (char)('0' + file.arg_count);
	*to++ = (char)('0' + file.env_count);
	for (size_t i = 0; i < file.arg_count; i++)
		to = add(to, file.args[i]);
	for (size_t i = 0; i < file.env_count; i++)
		to = add(to, file.env[i]);
	to = add(to, file.cwd);
	return add(to, file.rest) - begin;
}
`;

function build(directory: string) {
  const library = `${directory}/process-file.so`;
  writeFileSync(`${directory}/process-file.c`, SOURCE);
  // The exported function does not reach the undefined symbols of these files.
  const flags = [
    "-O1",
    "-shared",
    "-fPIC",
    "-nostdlib",
    "-ffreestanding",
    "-ffunction-sections",
    "-Wl,--gc-sections",
  ];
  const argv = ["cc", ...flags, `-I${import.meta.dir}`, "-o", library, `${directory}/process-file.c`];
  const { exitCode, stderr } = Bun.spawnSync(argv);
  if (exitCode !== 0) throw new Error(stderr.toString());
  return dlopen(library, {
    test_scan: { args: [FFIType.ptr, FFIType.ptr, FFIType.u64], returns: FFIType.i64 },
  });
}

let directory: string;
let c: ReturnType<typeof build>;
beforeAll(() => {
  directory = mkdtempSync(`${tmpdir()}/brun-process-file-`);
  c = build(directory);
});
afterAll(() => {
  c.close();
  rmSync(directory, { recursive: true });
});

interface Read {
  readonly args: unknown;
  readonly env: unknown;
  readonly cwd: unknown;
  readonly terminal: unknown;
  readonly rest: unknown;
}

/** What the scanner reads; null if it leaves the file to Bun. */
function scan(text: string | Uint8Array): Read | null {
  const room = new Uint8Array(1 << 16);
  // Memory that ends where the file does not.
  const data = new Uint8Array([...Buffer.from(text), 0x7d, 0x22]);
  const size = Number(c.symbols.test_scan(ptr(room), ptr(data), data.length - 2));
  if (size < 0) return null;
  const all = Buffer.from(room.subarray(0, size)).toString();
  const [terminal, args, env] = [...all.slice(0, 3)].map((digit) => digit.charCodeAt(0) - 48);
  const texts = all.slice(3).split("\0").slice(0, -1);
  const [cwd, rest] = texts.slice(args! + env!);
  return {
    args: texts.slice(0, args),
    env: texts.slice(args, args! + env!),
    cwd,
    terminal: terminal === 1,
    rest,
  };
}

/** What JSON.parse reads. */
function parse(text: string): Read {
  const { args, env, cwd, terminal = false, ...rest } = JSON.parse(text);
  return { args, env, cwd, terminal, rest };
}

/** Expects that the scanner reads what JSON.parse does. */
function agrees(text: string): void {
  const read = scan(text);
  expect(read, text).not.toBeNull();
  // The rest is compared with a text that is JSON: the same members in the same order.
  const { rest, ...others } = parse(text);
  expect({ ...read, rest: undefined }, text).toEqual({ ...others, rest: undefined });
  expect(JSON.parse(read!.rest as string)).toEqual(rest as object);
}

const CAPS =
  '"capabilities":{"bounding":["CAP_KILL","CAP_CHOWN"],"effective":["CAP_KILL"],"permitted":["CAP_KILL"]}';

test.each([
  `{"user":{"uid":0,"gid":0},"args":["echo","hi"],"env":["PATH=/bin","HOME=/root"],"cwd":"/",${CAPS},"rlimits":[{"type":"RLIMIT_NOFILE","hard":20000,"soft":20000}]}`,
  `{"terminal":true,"user":{"uid":0,"gid":0,"additionalGids":[0]},"args":["sh"],"env":["A="],"cwd":"/tmp",${CAPS},"oomScoreAdj":0}\n`,
  `{"terminal":false,"user":{"uid":1,"gid":2},"args":["a\\"b\\\\c\\/\\b\\f\\n\\r\\t","\\u003c\\u00e9\\u2028","é"],"env":["A=[{\\"]}"],"cwd":"/ü","apparmorProfile":"a,b}"}`,
])("what engines write: %s", agrees);

test.each([
  ["nothing", ""],
  ["an empty object", "{}"],
  ["a list", "[]"],
  ["no rest", '{"args":["a"],"env":["A=1"],"cwd":"/"}'],
  ["no args", '{"user":{},"env":["A=1"],"cwd":"/"}'],
  ["empty args", '{"user":{},"args":[],"env":["A=1"],"cwd":"/"}'],
  ["args that are null", '{"user":{},"args":null,"env":["A=1"],"cwd":"/"}'],
  ["a number in args", '{"user":{},"args":[1],"env":["A=1"],"cwd":"/"}'],
  ["args twice", '{"user":{},"args":["a"],"args":["b"],"env":["A=1"],"cwd":"/"}'],
  ["cwd twice", '{"user":{},"args":["a"],"env":["A=1"],"cwd":"/","cwd":"/x"}'],
  ["terminal twice", '{"terminal":true,"user":{},"args":["a"],"env":["A=1"],"cwd":"/","terminal":false}'],
  ["a terminal that is a text", '{"terminal":"true","user":{},"args":["a"],"env":["A=1"],"cwd":"/"}'],
  ["spaces", '{"user":{}, "args":["a"],"env":["A=1"],"cwd":"/"}'],
  ["a NUL", '{"user":{},"args":["a\\u0000"],"env":["A=1"],"cwd":"/"}'],
  ["a surrogate", '{"user":{},"args":["\\ud83d\\ude00"],"env":["A=1"],"cwd":"/"}'],
  ["a control character", '{"user":{},"args":["a\n"],"env":["A=1"],"cwd":"/"}'],
  ["an escape that there is not", '{"user":{},"args":["\\x"],"env":["A=1"],"cwd":"/"}'],
  ["half of an escape", '{"user":{},"args":["\\u00"],"env":["A=1"],"cwd":"/"}'],
  ["a comma too many", '{"user":{},"args":["a",],"env":["A=1"],"cwd":"/"}'],
  ["text behind it", '{"user":{},"args":["a"],"env":["A=1"],"cwd":"/"}x'],
  ["no end", '{"user":{},"args":["a"],"env":["A=1"],"cwd":"/"'],
  ["an end in a string", '{"user":{},"args":["a"],"env":["A=1"],"cwd":"/'],
  ["an end behind a backslash", '{"args":["a"],"env":["A=1"],"cwd":"/","user":"\\'],
  ["a mark of the byte order", '\ufeff{"user":{},"args":["a"],"env":["A=1"],"cwd":"/"}'],
])("%s is left to Bun", (_what, text) => {
  expect(scan(text)).toBeNull();
});

test("bytes that are not UTF-8 are left to Bun", () => {
  const [before, after] = ['{"user":{},"args":["a', '"],"env":["A=1"],"cwd":"/"}'];
  for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf4, 0x90, 0x80, 0x80]])
    expect(scan(new Uint8Array([...Buffer.from(before), ...bytes, ...Buffer.from(after)]))).toBeNull();
});

test("files by chance, whole and changed", () => {
  const word = fc.string({
    unit: fc.constantFrom("a", "=", '"', "\\", "é", "€", "\n", "\u0001", ",", "]", "}", "{"),
  });
  const list = fc.array(word, { minLength: 1, maxLength: 4 });
  const file = fc.record({
    terminal: fc.boolean(),
    user: fc.record({ uid: fc.nat(), gid: fc.nat() }),
    args: list,
    env: list,
    cwd: word,
    more: fc.jsonValue(),
  });
  // One byte is taken out, or put in.
  const change = fc.option(
    fc.tuple(fc.nat(), fc.constantFrom("", '"', "\\", "{", "}", "[", "]", ",", " ", "0")),
  );
  let taken = 0;
  fc.assert(
    fc.property(file, change, (value, changed) => {
      const whole = JSON.stringify(value);
      if (changed === null) return agrees(whole);
      const at = changed[0] % whole.length;
      const text = whole.slice(0, at) + changed[1] + whole.slice(at + (changed[1] === "" ? 1 : 0));
      const read = scan(text);
      if (read === null) return;
      // Used only if the rest is that of a plan, which is JSON.
      if (read.rest !== JSON.stringify({ user: value.user, more: value.more })) return;
      taken++;
      agrees(text);
    }),
    { numRuns: FILES },
  );
  expect(taken).toBeGreaterThan(0);
});
