/** Flags of run that say what it does besides: --keep, --no-subreaper, --no-new-keyring. */
import { describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { compiled } from "./support/compiled.ts";
import { until } from "./support/processes.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";

// crun has neither of the first two, and gives no keyring to exec.
for (const subject of subjects().filter(({ runtime }) => runtime !== "crun")) {
  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    test("--keep: the stopped container stays for state and delete", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sh", "-c", "exit 3"];
      });
      const id = box.name();
      expect((await box.call(["run", "--keep", "--bundle", bundle, id])).code).toBe(3);
      expect((await box.inspect(id)).status).toBe("stopped");
      expect(await box.ok(["list", "--quiet"])).toBe(`${id}\n`);
      // The id is in use as that of any other container.
      expect((await box.call(["run", "--bundle", bundle, id])).stderr).toMatch(/exist/);
      expect((await box.inspect(id)).status).toBe("stopped");
      await box.ok(["delete", id]);
      expect(box.leftovers(id)).toEqual([]);
    });

    for (const [flags, adopts] of [
      [[], true],
      [["--no-subreaper"], false],
    ] as const) {
      test(`run ${flags}: orphans ${adopts ? "become the runtime's" : "go to the caller's reaper"}`, async () => {
        await using box = new Sandbox(subject);
        if (subject.runtime === "runc") return; // runs nothing without a /proc of its own
        const script = 'sh -c "sleep 1000 & echo \\$! >/orphan.new; mv /orphan.new /orphan"; exec sleep 1000';
        const bundle = box.bundle((spec) => {
          spec.process.args = ["/bin/sh", "-c", script];
          // In a pid namespace of its own they would go to its first process.
          spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "pid");
          spec.mounts = spec.mounts.filter(({ type }) => type !== "proc");
          spec.linux.maskedPaths = spec.linux.readonlyPaths = [];
        });
        const id = box.name();
        const running = box.spawn(["run", ...flags, "--bundle", bundle, id]);
        const file = `${bundle}/rootfs/orphan`;
        await until("the orphan", () => existsSync(file));
        const orphan = Number(readFileSync(file, "utf8"));
        const parent = () =>
          Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${orphan}/status`, "utf8"))![1]);
        const { pid } = await box.inspect(id);
        await until("its parent to be gone", () => parent() !== pid || undefined);
        expect(parent() === running.pid).toBe(adopts);
        process.kill(orphan, "SIGKILL");
        await box.ok(["kill", id, "KILL"]);
        await running.done;
      });
    }

    test("the session keyring is the container's own, unless --no-new-keyring keeps the caller's", async () => {
      await using box = new Sandbox(subject);
      const program = compiled(`${import.meta.dir}/support/keyring.c`);
      const outer = box.name();
      for (const flags of [[], ["--no-new-keyring"]]) {
        const bundle = box.bundle((spec) => {
          spec.process.args = ["/bin/sh", "-c", "keyring; exec sleep 1000"];
        });
        copyFileSync(program, `${bundle}/rootfs/bin/keyring`);
        const id = box.name();
        const argv = [program, outer, ...box.argv(["run", ...flags, "--bundle", bundle, id])];
        const stdin = Bun.file(box.file("empty", ""));
        const running = Bun.spawn(argv, { cwd: box.dir, env: { ...box.env }, stdin, stdout: "pipe" });
        const { value } = await running.stdout.getReader().read();
        const name = new TextDecoder().decode(value).trim().split(";").at(-1);
        expect(name === outer).toBe(flags.length > 0);
        if (flags.length === 0) expect(name).toBe("_ses");
        // A further process follows the container.
        const exec = [program, outer, ...box.argv(["exec", id, "/bin/keyring"])];
        const { stdout } = Bun.spawnSync(exec, { cwd: box.dir, env: { ...box.env }, stdin });
        expect(stdout.toString().trim().split(";").at(-1)).toBe(name!);
        await box.ok(["kill", id, "KILL"]);
        expect(await running.exited).toBe(137);
      }
    });
  });
}
