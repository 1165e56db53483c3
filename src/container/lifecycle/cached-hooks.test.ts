import { expect, test } from "bun:test";
import { keepsFd } from "../../config/hook-descriptors.ts";
import { Hole } from "../../plan/file-abi.ts";
import type { Hooks } from "../../spec/index.ts";
import { ownCommand } from "../../sys/environment.ts";
import type { StoredState } from "../state/store.ts";
import { hasName } from "./cached-holes.ts";
import { hooksProgram, startRelayAlone } from "./cached-hooks.ts";

const [path] = ownCommand();
const hook = (...words: string[]) => ({
  path,
  args: [path, "sandbox-hook", ...words, "/state/@network", "box-1"],
});
const start = hook("connect", "relay");
const end = hook("disconnect", "relay");
const other = { path: "/bin/true" };

test("hooks that start a relay, and nothing else", () => {
  const cases: readonly (readonly [Hooks, boolean])[] = [
    [{ createRuntime: [start], poststop: [end] }, true],
    [{ createRuntime: [start], poststop: [end], prestart: [], poststart: undefined }, true],
    [{ createRuntime: [start], poststop: [end], prestart: [other] }, false],
    [{ createRuntime: [start, other], poststop: [end] }, false],
    [{ createRuntime: [start] }, false],
    [{ createRuntime: [other], poststop: [end] }, false],
    [{ createRuntime: [hook("connect", "pasta")], poststop: [end] }, false],
    [{ createRuntime: [{ ...start, path: "/elsewhere/brun" }], poststop: [end] }, false],
    [{ createRuntime: [{ ...start, env: [keepsFd(5)] }], poststop: [end] }, false],
  ];
  for (const [hooks, is] of cases) expect([hooks, startRelayAlone(hooks)]).toEqual([hooks, is]);
});

test("the name and the process are holes wherever they are", () => {
  const state = { id: "box-1", pid: 4711, bundle: "/", ociVersion: "1.3.0" } as StoredState;
  const program = hooksProgram(state, [start]);
  expect(hasName(program, "box-1", [Hole.text])).toBe(false);
  expect(hasName(program, "4711", [Hole.text])).toBe(false);
  expect(program.holes.map(({ kind }) => kind)).toEqual([Hole.text, Hole.text]);
});
