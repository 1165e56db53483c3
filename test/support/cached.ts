/** Bundles that have been run before, which the front runs again (nsenter/front/run.c). */
import { expect } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  unlinkSync,
} from "node:fs";
import { type Caller, isRoot } from "./caller.ts";
import { BY_BUN, call, front } from "./front.ts";
import type { Sandbox } from "./sandbox.ts";
import type { TestSpec } from "./spec.ts";

/** Plans of runs in a sandbox's state directory. */
export function cachedPlans(box: Sandbox): string[] {
  const directory = `${box.state}/@run`;
  return existsSync(directory) ? readdirSync(directory).map((name) => `${directory}/${name}`) : [];
}

/** Time after which a file that was just made may be an input of a cached plan, in milliseconds: twice that of src/host/ask.ts. */
export const SETTLED_MS = 40;

/** What may have become of a file of plans; of one the first `kept` bytes are there, and zeros after them. */
export const damages = (kept: number): [name: string, damage: (bytes: Buffer) => Buffer][] => [
  ["cut off", (bytes) => bytes.subarray(0, bytes.length / 2)],
  ["empty", () => Buffer.alloc(0)],
  ["of another build", (bytes) => Buffer.concat([bytes.subarray(0, 4), Buffer.alloc(4), bytes.subarray(8)])],
  [
    `of zeros after ${kept} bytes`,
    (bytes) => Buffer.concat([bytes.subarray(0, kept), Buffer.alloc(bytes.length - kept)]),
  ],
];

/** What may stand in the place of a file of plans. */
export const impostors: [name: string, put: (file: string, caller: Caller) => void][] = [
  [
    "a FIFO",
    (file, { uid, gid }) => {
      unlinkSync(file);
      execFileSync("mkfifo", ["-m", "600", file]);
      if (isRoot) chownSync(file, uid, gid);
    },
  ],
  ["a file of 64 MB", (file) => truncateSync(file, 64 << 20)],
  ["a file that cannot be read", (file) => chmodSync(file, 0)],
];

/** What others may change of the machine meanwhile, and a container depends on: they mount, and make users. */
export function machine(): string {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8");
  return [
    mounts,
    // A new file takes away what is mounted on the old one, in all namespaces.
    ...["passwd", "group", "subuid", "subgid"].map((name) => `${statSync(`/etc/${name}`).ino}`),
    ...readdirSync("/"),
    // Each is placed for itself where there are mounts among them.
    ...readdirSync("/tmp"),
  ].join("\n");
}

/** A bundle that has been run; `args` is its program. */
export async function known(
  box: Sandbox,
  args: readonly string[],
  edit: (spec: TestSpec) => void = () => undefined,
): Promise<string> {
  const bundle = box.bundle((spec) => {
    spec.process.args = ["/bin/true"];
    edit(spec);
    spec.process.args = [...args];
  });
  await Bun.sleep(SETTLED_MS);
  const { bun, code, stderr } = await call(box, ["run", "--bundle", bundle, box.name()]);
  expect({ bun, code, stderr: code === 0 ? "" : stderr }).toEqual({ bun: true, code: 0, stderr: "" });
  return bundle;
}

/** The output of one run by the front and of one by Bun, which are to be the same. */
export async function both(box: Sandbox, bundle: string): Promise<string> {
  const mine = await front(box, ["run", "--bundle", bundle, box.name()]);
  const bun = await box.call(["run", "--bundle", bundle, box.name()], BY_BUN);
  expect([mine.code, mine.stderr]).toEqual([bun.code, bun.stderr]);
  expect(mine.stdout).toBe(bun.stdout);
  return mine.stdout;
}
