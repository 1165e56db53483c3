import { expect, test } from "bun:test";
import { finishRecording, record, recordedSoFar, startRecording, uncacheable } from "../../host/recorder.ts";
import { recordedPrograms } from "../../init/standard.ts";
import { configFor } from "../../init/testing/golden.ts";
import { InputKind } from "../../plan/file-abi.ts";
import { specTemplate } from "../../spec/template.ts";
import type { StoredState } from "../state/store.ts";
import { draftPlan, finishPlan } from "./cached-draft.ts";
import { planFile, type RunPlan } from "./cached-plan.ts";

const state: StoredState = {
  version: 1,
  ociVersion: "1.3.0",
  id: "some-id",
  bundle: "/bundle",
  rootfs: "/rootfs",
  created: "2026-01-02T03:04:05.678901234Z",
  pid: 4711,
  startTime: "123456",
};
const { uidMappings: _u, gidMappings: _g, ...linux } = specTemplate(true).linux;
const config = configFor({ ...specTemplate(true), linux }, {});
const programs = recordedPrograms(config, null);

/** Compiles a draft after one question, has something happen, and returns it with the plan at the end. */
function drafted(happens: (plan: RunPlan & { warnings: string[] }) => Partial<RunPlan> | undefined) {
  const ask = (about: string): void => record(InputKind.variable, 0, about, "a");
  startRecording();
  ask("BEFORE");
  const warnings: string[] = [];
  // What asks while the file is compiled.
  const later = () => {
    ask("LATER");
    return [];
  };
  const plan = { config, state, programs, warnings, later };
  const draft = draftPlan("/run/brun", { ...plan, recording: recordedSoFar() });
  const changed = happens({ ...plan, recording: { inputs: [], reason: null } });
  const last = { ...plan, ...changed, recording: finishRecording() };
  return { draft, finished: finishPlan("/run/brun", draft, last), whole: planFile("/run/brun", last) };
}

test("a draft is what is compiled at the end, and compiling it asks nothing for the plan", () => {
  const { draft, finished, whole } = drafted(() => undefined);
  expect(finished).toBe(draft.file);
  expect(whole).toEqual(draft.file);
});

test.each<[string, Parameters<typeof drafted>[0]]>([
  ["a question", () => void record(InputKind.variable, 0, "AFTER", "a")],
  ["another answer", () => void record(InputKind.variable, 0, "BEFORE", "b")],
  ["a reason", () => void uncacheable("the weather")],
  ["a warning", ({ warnings }) => void warnings.push("brun: warning: rain\n")],
  ["another state", () => ({ state: { ...state, annotations: { a: "b" } } })],
  ["another config", () => ({ config: { ...config, bundle: "/other" } })],
  ["other programs", () => ({ programs: recordedPrograms(config, null) })],
])("a draft from before %s is not used", (_, happens) => {
  const { draft, finished, whole } = drafted(happens);
  expect(finished).not.toBe(draft.file);
  expect(finished).toEqual(whole);
});
