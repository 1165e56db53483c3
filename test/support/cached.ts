/** Bundles with a cached plan, which the front runs (nsenter/front/run.c). */
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

/** The paths of the cached plans in a sandbox's state directory. */
export function cachedPlans(box: Sandbox): string[] {
  const directory = `${box.state}/@run`;
  return existsSync(directory) ? readdirSync(directory).map((name) => `${directory}/${name}`) : [];
}

/**
 * The age in milliseconds from which a new file may be an input of a cached plan: twice that in
 * src/host/ask.ts.
 */
export const SETTLED_MS = 40;

/** Damages to a file of plans. One of them keeps the first `kept` bytes, and has zeros after them. */
export const damages = (kept: number): [name: string, damage: (bytes: Buffer) => Buffer][] => [
  ["cut off", (bytes) => bytes.subarray(0, bytes.length / 2)],
  ["empty", () => Buffer.alloc(0)],
  ["of another build", (bytes) => Buffer.concat([bytes.subarray(0, 4), Buffer.alloc(4), bytes.subarray(8)])],
  [
    `of zeros after ${kept} bytes`,
    (bytes) => Buffer.concat([bytes.subarray(0, kept), Buffer.alloc(bytes.length - kept)]),
  ],
];

/** Things in the place of a file of plans. */
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

/**
 * The parts of the machine on which a container depends and which other tests may change: they mount, and
 * create users.
 */
export function machine(): string {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8");
  return [
    mounts,
    // If a file is replaced, the kernel removes mounts on the old file in all namespaces.
    ...["passwd", "group", "subuid", "subgid"].map((name) => `${statSync(`/etc/${name}`).ino}`),
    ...readdirSync("/"),
    // If there are mounts below /tmp, brun binds each name in it separately.
    ...readdirSync("/tmp"),
  ].join("\n");
}

/** Makes a bundle with the program `args`, and runs it once. */
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

/** Runs a bundle with the front and with Bun, and compares the results. Returns the output. */
export async function both(box: Sandbox, bundle: string): Promise<string> {
  const mine = await front(box, ["run", "--bundle", bundle, box.name()]);
  const bun = await box.call(["run", "--bundle", bundle, box.name()], BY_BUN);
  expect([mine.code, mine.stderr]).toEqual([bun.code, bun.stderr]);
  expect(mine.stdout).toBe(bun.stdout);
  return mine.stdout;
}
