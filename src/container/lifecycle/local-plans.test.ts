/** The plans of later commands, as golden files that read like a transcript: src/plan/golden. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describeProgram } from "../../plan/describe.ts";
import type { Program } from "../../plan/program.ts";
import { statePlan } from "../state/state.ts";
import { lookPlan, readPlan } from "../state/states.ts";
import type { StoredState } from "../state/store.ts";
import { deletePlan } from "./delete.ts";
import { execGuard } from "./exec.ts";
import { killPlan } from "./kill.ts";
import { startPlan } from "./start.ts";

const ROOT = "/run/user/1000/brun";

const plain: StoredState = {
  version: 1,
  ociVersion: "1.3.0",
  id: "web",
  bundle: "/bundle",
  rootfs: "/bundle/rootfs",
  created: "2026-01-01T00:00:00.000000000Z",
  pid: 4711,
  startTime: "31337",
};

const unified: StoredState = { ...plain, cgroup: { version: 2, paths: { "": "/sys/fs/cgroup/web" } } };
const legacy: StoredState = {
  ...plain,
  sharesPids: true,
  cgroup: {
    version: 1,
    paths: { "": "/sys/fs/cgroup/unified/web", freezer: "/sys/fs/cgroup/freezer/web" },
    parents: ["/sys/fs/cgroup/freezer/brun"],
  },
};
const kept = { directory: "/home/dev/.local/state/brun/logs/0/web", terminal: false, interactive: false };

const rt = { root: ROOT, cgroupManager: "auto", rootless: "auto", warn: () => undefined } as const;

type Case = readonly [title: string, compile: (record: boolean) => Program];

const cases: Readonly<Record<string, readonly Case[]>> = {
  state: [
    ["a container", (record) => statePlan(rt, plain, record)],
    ["with a cgroup of v2, which may be frozen", (record) => statePlan(rt, unified, record)],
    ["while it is being made", (record) => statePlan(rt, { ...plain, creating: "stage" }, record)],
  ],
  start: [
    ["a container", (record) => startPlan(plain, record)],
    ["with cgroups of v1, which may be frozen", (record) => startPlan(legacy, record)],
  ],
  kill: [
    ["a container", (record) => killPlan(plain, record)],
    ["whose processes may outlive its first one, with cgroups of v1", (record) => killPlan(legacy, record)],
  ],
  delete: [
    ["a container", (record) => deletePlan(ROOT, plain, false, record)],
    ["by force, with a cgroup of v2", (record) => deletePlan(ROOT, unified, true, record)],
    ["by force, with cgroups of v1", (record) => deletePlan(ROOT, legacy, true, record)],
    ["whose output is kept", (record) => deletePlan(ROOT, { ...plain, kept }, false, record)],
  ],
  list: [
    ["reads a state", (record) => readPlan(1000, record)],
    ["looks at a container", lookPlan],
  ],
  "exec-guard": [
    ["a container", (record) => execGuard(plain, record)],
    ["with a cgroup of v2", (record) => execGuard(unified, record)],
  ],
};

/** Compares with src/plan/golden/NAME.txt; BRUN_GOLDEN=write writes it instead. */
function golden(name: string, text: string): void {
  const file = `${import.meta.dir}/../../plan/golden/${name}.txt`;
  if (process.env.BRUN_GOLDEN === "write" || !existsSync(file)) {
    if (process.env.CI) throw new Error(`${file} is missing`);
    writeFileSync(file, text);
  }
  expect(text).toBe(readFileSync(file, "utf8"));
}

for (const [name, plans] of Object.entries(cases)) {
  test(`${name} compiles to the plan in the golden file`, () => {
    const texts = plans.map(([title, compile]) => {
      const { ops, once, count } = compile(true);
      const last = once < count ? `From ${once} on it is not run once more.\n` : "";
      return `# ${title}\n\n${describeProgram(ops)}${last}`;
    });
    golden(name, texts.join("\n"));
  });

  test(`recording changes nothing in the bytes of ${name}`, () => {
    for (const [, compile] of plans) expect(compile(true).bytes).toEqual(compile(false).bytes);
  });
}
