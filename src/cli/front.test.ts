/** The front reads a command line as brun's own parser does, or leaves it to Bun. */
import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import type { Flags } from "./flags.ts";
import { globalFlags, hotCommands } from "./hot-flags.ts";
import { asFront, frontReader, type Line, type Reading, readingOfBrun } from "./testing/front-reading.ts";

const front = frontReader();
afterAll(() => front[Symbol.dispose]());

/** Words in single quotes are one, and may be empty. */
function wordsOf(text: string): string[] {
  return [...text.matchAll(/(?:'[^']*'|[^ '])+/g)].map(([word]) => word.replaceAll("'", ""));
}

function lineOf(text: string): Line {
  const words = wordsOf(text);
  const at = words.indexOf("brun");
  const env = Object.fromEntries(words.slice(0, at).map((word) => word.split("=", 2)));
  return { words: words.slice(at + 1), env };
}

/** What the front has read, and beside it what it has to have read. */
async function compare(line: Line, read: Reading): Promise<[front: Reading, brun: Reading | null]> {
  return [read, read.kind === "other" ? read : asFront(read.kind, await readingOfBrun(line))];
}

describe("command lines of command-lines.txt", async () => {
  const texts = readFileSync(`${import.meta.dir}/testing/command-lines.txt`, "utf8").split("\n");
  const cases = texts.flatMap((text) => {
    const [, kind, line] = /^(\w+) +(.*)$/.exec(text) ?? [];
    return kind === undefined ? [] : [{ kind, text: line!, line: lineOf(line!) }];
  });
  const readings = front.read(cases.map(({ line }) => line));

  test("there are more than 500, of each kind", () => {
    expect(cases.length).toBeGreaterThan(500);
    expect(new Set(cases.map(({ kind }) => kind)).size).toBe(6);
  });

  test("each is for whom the file says", async () => {
    const wrong: string[] = [];
    for (const [i, { kind, text, line }] of cases.entries()) {
      const brun = await readingOfBrun(line);
      const found = readings[i]!.kind === "other" && brun.kind === "refused" ? "refused" : readings[i]!.kind;
      if (found !== kind) wrong.push(`${text}: ${found} instead of ${kind}`);
    }
    expect(wrong).toEqual([]);
  });

  test("what the front reads of it is what brun reads", async () => {
    for (const [i, { text, line }] of cases.entries()) {
      const [found, expected] = await compare(line, readings[i]!);
      expect(found, text).toEqual(expected!);
    }
  });
});

/** Words by which flags of a command are given, well and badly. */
function flagWords(flags: Flags): fc.Arbitrary<string[]> {
  const names = Object.entries(flags).flatMap(([name, flag]) => {
    if (flag.type === "positional") return [];
    return flag.alias === undefined ? [name] : [name, flag.alias];
  });
  const value = fc.constantFrom("", "x", "/b", "0", "1", "true", "false", "-1", "--", "text", "json", "a/b");
  return fc
    .tuple(fc.constantFrom(...names), fc.constantFrom("-", "--"), fc.constantFrom("", "=", " "), value)
    .map(([name, dashes, between, text]) => {
      if (between === "") return [`${dashes}${name}`];
      return between === "=" ? [`${dashes}${name}=${text}`] : [`${dashes}${name}`, text];
    });
}

const loose = fc.constantFrom(
  ...[
    "web",
    "a.b",
    "..",
    "KILL",
    "hup",
    "9",
    "--",
    "-",
    "",
    "-x",
    "-it",
    "-itw/",
    "ls",
    "--host",
    "-rootfs=/x",
    "b:1",
  ],
);
const names = Object.keys(hotCommands) as (keyof typeof hotCommands)[];

function lineOfCommand(name: keyof typeof hotCommands): fc.Arbitrary<Line> {
  const { flags } = hotCommands[name];
  const some = Object.values<Flags[string]>(flags).some(({ type }) => type !== "positional");
  const word = loose.map((text) => [text]);
  const part = some ? fc.oneof(word, flagWords(flags)) : word;
  const globals = fc.array(flagWords(globalFlags), { maxLength: 2 });
  const first = fc.constantFrom([], ["web"], ["web", "ls"]);
  return fc
    .tuple(globals, first, fc.array(part, { maxLength: 4 }))
    .map(([before, begin, rest]) => ({ words: [...before.flat(), name, ...begin, ...rest.flat()], env: {} }));
}

test("command lines by chance", async () => {
  const seed = Number(process.env.BRUN_COMMAND_LINES_SEED ?? Math.floor(Math.random() * 1e9));
  const lines = fc.sample(fc.oneof(...names.map(lineOfCommand)), { numRuns: 5000, seed });
  const readings = front.read(lines);
  let taken = 0;
  for (const [i, line] of lines.entries()) {
    const [found, expected] = await compare(line, readings[i]!);
    if (found.kind !== "other") taken++;
    expect(found, `seed ${seed}: ${JSON.stringify(line.words)}`).toEqual(expected!);
  }
  expect(taken).toBeGreaterThan(100);
});
