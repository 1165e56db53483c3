import { expect, test } from "bun:test";
import { claim } from "./store.ts";

test("a state directory that cannot be made is named, with --root", () => {
  expect(() => claim("/proc/nowhere/state", "web")).toThrow(
    expect.objectContaining({
      text: expect.stringMatching(
        /^cannot keep state in \/proc\/nowhere\/state: .*\/proc\/nowhere: no such file .*; hint: --root names a /,
      ),
    }),
  );
});
