/** `brun run --host` with limits, by a user who says nothing of cgroups; only in the test machine. */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { cgroupsNamed, until } from "../support/processes.ts";
import { brunPath } from "../support/workspace.ts";
import { counter, fileText, PlacedSandbox, place } from "./place.ts";

const MIB = 1024 * 1024;

/** brun is left to find out how a cgroup can be had here. */
class LeftToDecide extends PlacedSandbox {
  override argv(args: readonly string[]): string[] {
    return [brunPath(), "--root", this.state, ...args];
  }

  /** Runs a script in a copy of the machine. */
  host(flags: readonly string[], script: string) {
    return this.call(["run", "--host", "--name", this.name(), ...flags, "--", "sh", "-c", script]);
  }
}

const here = place();
if (here?.user) {
  describe(`run --host at ${here.name}`, () => {
    test.concurrent("--memory: what takes more is killed for it, exit code 137", async () => {
      await using box = new LeftToDecide(here);
      expect((await box.host(["--memory", "32m"], "exec tail /dev/zero")).code).toBe(137);
      expect(box.leftovers()).toEqual([]);
    });

    test.concurrent("--pids-limit: so many processes and no more", async () => {
      await using box = new LeftToDecide(here);
      // The init and the shell count too.
      const script = "for i in 1 2 3 4 5 6 7; do sleep 60 & done; echo seven; sleep 60 & echo eight";
      const { stdout, stderr, code } = await box.host(["--pids-limit", "9"], script);
      expect({ stdout, stderr }).toEqual({ stdout: "seven\n", stderr: expect.stringMatching(/fork/i) });
      expect(code).not.toBe(0);
    });

    test.concurrent("--cpus holds, and stats shows the limits", async () => {
      await using box = new LeftToDecide(here);
      const id = box.name();
      const limits = ["--memory", "64m", "--cpus", "0.2", "--pids-limit", "9"];
      await box.ok([
        ...["run", "--host", "--detach", "--name", id, ...limits],
        ...["--", "sh", "-c", "while :; do :; done"],
      ]);
      const directory = await box.cgroupOf(id);
      expect(directory).toMatch(here.systemd ? /\/user@1000\.service\/.*\.scope$/ : new RegExp(`/${id}$`));
      const files = ["memory.max", "cpu.max", "pids.max"].map((file) => fileText(directory, file));
      expect(files).toEqual([`${64 * MIB}`, "20000 100000", "9"]);
      await until("throttling", () => counter(directory, "cpu.stat", "nr_throttled") > 5);
      const [used, began] = [counter(directory, "cpu.stat", "usage_usec"), performance.now()];
      const [shown] = JSON.parse(await box.ok(["stats", "--no-stream", "--format", "json", id]));
      await until("some time", () => performance.now() - began > 3000);
      const share =
        (counter(directory, "cpu.stat", "usage_usec") - used) / 1000 / (performance.now() - began);
      expect(share).toBeLessThan(0.27);
      expect(shown).toMatchObject({ id, mem_usage: expect.stringMatching(/ \/ 67\.11MB$/), pids: "2" });
      expect(Number.parseFloat(shown.cpu_percent)).toBeLessThan(40);
      await box.ok(["delete", "--force", id]);
      await until("the cgroup to go", () => cgroupsNamed(id).length === 0);
      expect(existsSync(directory)).toBe(false);
    });
  });
}
