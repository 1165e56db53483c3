import { expect, test } from "bun:test";
import type { Input } from "../../host/recorder.ts";
import { recordedPrograms } from "../../init/standard.ts";
import { configFor } from "../../init/testing/golden.ts";
import { Hole, InputKind } from "../../plan/file-abi.ts";
import { holeMark } from "../../plan/hole-mark.ts";
import { specTemplate } from "../../spec/template.ts";
import type { StoredState } from "../state/store.ts";
import { openState } from "./cached-holes.ts";
import { planFile } from "./cached-plan.ts";

const state: StoredState = {
  version: 1,
  ociVersion: "1.3.0",
  id: "some-id",
  bundle: "/bundle/größe",
  rootfs: '/root"fs\\',
  created: "2026-01-02T03:04:05.678901234Z",
  pid: 4711,
  startTime: "123456",
};

/** As nsenter/front/holes.c does. */
function filled(text: string, { id, created, pid, startTime }: StoredState): string {
  const values = [
    [Hole.id, id],
    [Hole.created, created],
    [Hole.pid, `${pid}`],
    [Hole.startTime, startTime],
  ] as const;
  return values.reduce((made, [hole, value]) => made.replaceAll(holeMark(hole), value), text);
}

test.each<[string, Partial<StoredState>]>([
  ["nothing else", {}],
  ["annotations", { annotations: { a: "\u0001 \u000e", "\u0011": '"' } }],
  ["what is undefined", { annotations: undefined, cgroup: undefined, hooks: undefined }],
])("state.json with its places filled in is what saveState writes: %s", (_, more) => {
  const whole = { ...state, ...more };
  expect(filled(openState(whole), whole)).toBe(JSON.stringify(whole));
});

const { uidMappings: _u, gidMappings: _g, ...linux } = specTemplate(true).linux;
const config = configFor({ ...specTemplate(true), linux }, {});
const made = { config, state, programs: recordedPrograms(config, null), warnings: [], later: null };
const asked = (inputs: readonly Input[], reason: string | null = null) =>
  planFile("/run/brun", { ...made, recording: { inputs, reason } });
const variable = (answer: string): Input => ({ kind: InputKind.variable, detail: 0, about: "A", answer });

test("a plan is kept with its inputs, and not where they say why it cannot be", () => {
  expect(asked([variable("a")])).toMatchObject({ bytes: expect.any(Uint8Array) });
  expect(asked([variable("a")], "of the weather")).toBe("of the weather");
  expect(asked([variable("a"), variable("a")])).toEqual(asked([variable("a")]));
  expect(asked([variable("a"), variable("b")])).toBe("A has changed meanwhile");
});

test("what the front cannot do is said", () => {
  const hooks = { ...config, spec: { ...config.spec, hooks: { poststop: [{ path: "/bin/true" }] } } };
  expect(planFile("/run/brun", { ...made, config: hooks, recording: { inputs: [], reason: null } })).toBe(
    "hooks",
  );
});
