/** What the tests' own tools do to the machine: nobody else's process is taken for one of a test's. */
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { isRoot } from "./support/caller.ts";
import { killHard, processesOf, until } from "./support/processes.ts";
import { workspace } from "./support/workspace.ts";

/** A process that says nothing of a directory but by its mounts. */
function inMounts(dir: string, mount: string): Bun.Subprocess {
  const script = `cd / && ${mount} && exec env -i sleep 1000`;
  const env = { PATH: process.env.PATH, DIR: dir };
  return Bun.spawn(["unshare", "--mount", "--propagation", "private", "sh", "-c", script], { env });
}

test.if(isRoot)(
  "a process is a test's by mounts of what is below its directory, and not by those that stand there",
  async () => {
    const dir = mkdtempSync(`${workspace()}/mounts-`);
    mkdirSync(`${dir}/mounted`);
    const others = inMounts(dir, "mount -t tmpfs tmpfs $DIR/mounted");
    const own = inMounts(dir, "mount --bind $DIR/mounted /mnt");
    try {
      await until("both sleep", () => [others, own].every(({ pid }) => isAsleep(pid)));
      const found = processesOf(dir).map(({ pid }) => pid);
      expect([found.includes(others.pid), found.includes(own.pid)]).toEqual([false, true]);
    } finally {
      for (const { pid } of [others, own]) killHard(pid);
      await Promise.all([others.exited, own.exited]);
      rmSync(dir, { recursive: true });
    }
  },
);

function isAsleep(pid: number): boolean {
  return Bun.spawnSync(["cat", `/proc/${pid}/comm`]).stdout.toString() === "sleep\n";
}
