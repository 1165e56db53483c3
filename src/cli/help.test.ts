import { expect, test } from "bun:test";
import { helpText } from "./help.ts";
import { commands } from "./main.ts";

const all = await Promise.all(Object.values(commands).map((load) => load([])));

test.each([undefined, ...Object.keys(commands)])("help of %p", async (topic) => {
  const text = await helpText(all, topic, false);
  expect(text).toMatchSnapshot();
  expect(text.split("\n").slice(0, 2)).toEqual([
    "NAME:",
    expect.stringContaining(topic === undefined ? "   brun - " : `   brun ${topic} - `),
  ]);
  for (const line of text.split("\n")) {
    expect(line).toBe(line.trimEnd());
    expect(line.length).toBeLessThanOrEqual(80);
  }
});

test("help of run without a bundle", async () => {
  const text = await helpText([await commands.run!(["--host"])], "run", false);
  expect(text).toMatchSnapshot();
  for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
});

test("the table's names are those of the commands", () => {
  expect(all.map((command) => command.meta.name)).toEqual(Object.keys(commands));
});

test.each(all.map(({ meta, args }) => [meta.name, args] as const))(
  "a letter stands for one flag of %s",
  (_, args) => {
    const letters = Object.values(args).flatMap((flag) =>
      "alias" in flag && flag.alias ? [flag.alias] : [],
    );
    expect(letters).toEqual([...new Set(letters)]);
  },
);

test("colours only when asked for", async () => {
  const coloured = await helpText(all, "run", true);
  expect(Bun.stripANSI(coloured)).toBe(await helpText(all, "run", false));
});
