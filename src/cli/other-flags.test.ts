import { expect, test } from "bun:test";
import { OTHER_FLAGS } from "./other-flags.ts";
import { sandboxRunFlags } from "./sandbox-flags.ts";

test("a flag that brun has needs no hint", () => {
  const flags = Object.entries(sandboxRunFlags);
  const names = flags.flatMap(([name, flag]) => ("alias" in flag ? [name, flag.alias] : [name]));
  expect(Object.keys(OTHER_FLAGS).filter((name) => names.includes(name))).toEqual([]);
});
