import { expect, test } from "bun:test";
import { recordedPrograms } from "../init/standard.ts";
import { configFor } from "../init/testing/golden.ts";
import { specTemplate } from "../spec/template.ts";
import { rememberedFile, stateText } from "./remember.ts";
import type { StoredState } from "./store.ts";

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

/** As nsenter/front/state.c does. */
function filled(text: string, { id, created, pid, startTime }: StoredState): string {
  const values = [id, created, String(pid), startTime];
  return text.replace(/[\x01-\x04]/g, (character) => values[character.charCodeAt(0) - 1]!);
}

test.each<[string, Partial<StoredState>]>([
  ["nothing else", {}],
  ["annotations", { annotations: { a: "\u0001 \u0002", "\u0003": '"' } }],
  ["what is undefined", { annotations: undefined, cgroup: undefined, hooks: undefined }],
])("state.json with its places filled in is what saveState writes: %s", (_, more) => {
  const whole = { ...state, ...more };
  expect(filled(stateText(whole), whole)).toBe(JSON.stringify(whole));
});

test("maps that are no longer those of the subordinate ids are not remembered", () => {
  const { uidMappings: _u, gidMappings: _g, ...linux } = specTemplate(true).linux;
  const map = [{ containerId: 0, hostId: 4711, size: 12 }];
  const config = configFor({ ...specTemplate(true), linux }, { extra: { maps: { uid: map, gid: map } } });
  const launched = { config, state, programs: recordedPrograms(config, null), text: "{}" };
  expect(rememberedFile(launched)).toBeNull();
});
