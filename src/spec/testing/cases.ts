/** Tables of changes of the default config, with the expected findings. */
import { describe, expect, test } from "bun:test";
import { toJson } from "../json.ts";
import { parseSpec } from "../load.ts";
import type { Spec } from "../spec.ts";
import { specTemplate } from "../template.ts";

const HOST = { uid: 1000, gid: 1000, cgroup2: false };

/** The findings after a change of the default config. Errors begin with "! ", warnings and notes with "~ ". */
export function check(change: (spec: Spec) => void, addsUserNamespace = false): string[] {
  const spec = structuredClone(specTemplate(false, HOST));
  change(spec);
  try {
    const { warnings, notes } = parseSpec(toJson(spec), "c", { addsUserNamespace });
    return [...warnings, ...notes.map((note) => `~ ${note}`)];
  } catch (error) {
    return (error as Error).message.split("; ").map((line) => `! ${line}`);
  }
}

/** Removes a namespace. */
export function without(spec: Spec, type: string): void {
  spec.linux.namespaces = spec.linux.namespaces!.filter((namespace) => namespace.type !== type);
}

/** A mapping. */
export function mapping(containerID: number, hostID: number, size: number) {
  return { containerID, hostID, size };
}

/** A name, a change of the default config, and the expected findings. */
export type Case = readonly [name: string, change: (spec: Spec) => void, ...said: string[]];

/** One test for each case. */
export function cases(title: string, list: readonly Case[]): void {
  describe(title, () => {
    test.each(list.map((c) => [c[0], c] as const))("%s", (_name, [, change, ...said]) => {
      expect(check(change)).toEqual(said);
    });
  });
}
