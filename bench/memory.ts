/** The memory of a container that is created and waits for its start: all of it is the runtime's. */
import { readFileSync } from "node:fs";
import type { Stand } from "./setup.ts";

/** Kilobytes. */
export interface Memory {
  readonly name: string;
  readonly rss: number;
  readonly pss: number;
  readonly privateMemory: number;
}

export function createdMemory(stand: Stand): Memory[] {
  const bundle = stand.bundle("created");
  const found: Memory[] = [];
  for (const name of ["brun", "crun", "runc"] as const) {
    const path = stand.programs[name];
    if (path === undefined) continue;
    const runtime = [path, "--root", stand.root(name)];
    stand.start([...runtime, "create", "--bundle", bundle, "bench-created"]);
    const { pid } = JSON.parse(stand.output([...runtime, "state", "bench-created"]));
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    const field = (field: string): number =>
      Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(rollup)?.[1]);
    found.push({
      name,
      rss: field("Rss"),
      pss: field("Pss"),
      privateMemory: field("Private_Clean") + field("Private_Dirty"),
    });
    stand.start([...runtime, "delete", "--force", "bench-created"]);
  }
  return found;
}
