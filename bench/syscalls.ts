/** System calls of one `run`, of all its processes, as strace counts them; nothing where strace is missing. */
import type { Stand } from "./setup.ts";

export interface Syscalls {
  readonly name: string;
  readonly count: number;
}

export function syscallsOf(stand: Stand): Syscalls[] {
  if (Bun.which("strace") === null) return [];
  const bundle = stand.bundle("syscalls");
  const found: Syscalls[] = [];
  for (const name of stand.runtimes) {
    const path = stand.programs[name]!;
    const run = [path, "--root", stand.root(name), "run", "--bundle", bundle, "bench-traced"];
    const out = `${stand.dir}/run/strace`;
    stand.output(["strace", "-f", "-qq", "-o", out, ...run]);
    const lines = stand.output(["cat", out]).split("\n");
    // A call that another process comes between takes two lines.
    found.push({ name, count: lines.filter((line) => / \w+\(/.test(line)).length });
  }
  return found;
}
