/** Watching: `brun stats`, `brun list --wide`, `run --timing`, `--debug`. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { until } from "./support/processes.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { shows } from "./support/terminal.ts";

for (const subject of subjects(["brun"])) {
  describe(subject.label, () => {
    test("stats of a container that works, and of one that sleeps", async () => {
      await using box = new Sandbox(subject);
      const busy = await box.detached((spec) => {
        spec.process.args = ["/bin/sh", "-c", "sleep 1000 & while :; do :; done"];
      });
      const idle = await box.detached();
      const list = JSON.parse(await box.ok(["stats", "--no-stream", "--format", "json", busy, idle]));
      expect(list.map(({ id, pids }: { id: string; pids: string }) => [id, pids])).toEqual([
        [busy, "2"],
        [idle, "1"],
      ]);
      const share = (at: number) => Number(list[at].cpu_percent.replace("%", ""));
      expect(share(0)).toBeGreaterThan(5);
      expect(share(1)).toBeLessThan(5);
      expect(list[0].mem_usage).toMatch(/^[\d.]+[kM]B \/ [\d.]+GB$/);
      const table = (await box.ok(["stats", "--no-stream"])).trimEnd().split("\n");
      expect(table).toHaveLength(3);
      expect(table[0]).toMatch(/^ID +CPU % +MEM USAGE \/ LIMIT +MEM % +NET IO +BLOCK IO +PIDS +UPTIME$/);
      const missing = await box.call(["stats", "--no-stream", "nobody"]);
      expect(missing).toMatchObject({
        code: 1,
        stderr: 'brun: container "nobody": container does not exist\n',
      });
    });

    test("in a pipe lines are added until the container has ended", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      const running = box.spawn(["stats", "--interval", "100ms", id]);
      await until("three lines", () => running.stdout().split("\n").length >= 4);
      await box.ok(["kill", id, "KILL"]);
      const { code, stdout } = await running.done;
      expect(code).toBe(0);
      expect(stdout.match(/^ID /gm)).toHaveLength(1);
      expect(stdout.match(new RegExp(`^${id} `, "gm"))!.length).toBeGreaterThan(1);
      expect(stdout).not.toContain("\x1b");
      const stopped = await box.call(["stats", id]);
      expect(stopped.stderr).toBe(`brun: container with id ${id} is not running\n`);
    });

    test("in a pipe it ends where nothing runs", async () => {
      await using box = new Sandbox(subject);
      expect(await box.ok(["stats"])).toMatch(/^ID [^\n]*\n$/);
      expect(JSON.parse(await box.ok(["stats", "--format", "json"]))).toEqual([]);
    });

    test("events has statistics, with a cgroup or without", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached((spec) => {
        spec.process.args = ["/bin/sh", "-c", "sleep 1000 & while :; do :; done"];
      });
      const { type, data } = JSON.parse(await box.ok(["events", "--stats", id]));
      expect([type, data.pids.current]).toEqual(["stats", 2]);
      const running = box.spawn(["events", "--interval", "50ms", id]);
      // Processes are charged by clock ticks.
      await until("it has used a CPU", () => /"total":[1-9]/.test(running.stdout()));
      await box.ok(["kill", id, "KILL"]);
      const { code, stdout } = await running.done;
      expect(code).toBe(0);
      // The last one may be of processes that are about to end.
      const lines = stdout.trimEnd().split("\n");
      const first = lines.map((line) => JSON.parse(line).data).find((each) => each.cpu.usage.total > 0);
      expect(first.memory.usage.usage).toBeGreaterThan(0);
    });

    test("on a terminal the table is drawn again in its place", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      await using terminal = box.terminal(["stats", "-i", "100ms", id], 60);
      await shows(terminal, /\r\x1b\[2A\x1b\[J.*\r\x1b\[2A\x1b\[J/s);
      for (const line of terminal.text().split(/\r\n?/)) {
        expect(Bun.stripANSI(line).length).toBeLessThanOrEqual(60);
      }
    });

    test("q ends it, and Ctrl-C; the terminal is as it was", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      await using quit = box.terminal(["stats", "-i", "30s", id], 60);
      await shows(quit, id);
      quit.write("q");
      expect(await quit.exited).toBe(0);
      expect(quit.text()).not.toContain("q");
      await using interrupted = box.terminal(["stats", "-i", "30s", id], 60);
      await shows(interrupted, id);
      interrupted.write("\x03");
      expect(await interrupted.exited).not.toBe(0);
    });

    test("list --wide", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      const [titles, row] = (await box.ok(["list", "--wide"])).split("\n");
      expect(titles!.split(/ {2,}/)).toEqual(["ID", "PID", "STATUS", "UPTIME", "OWNER", "CREATED", "ROOTFS"]);
      expect(row).toMatch(new RegExp(`^${id} +\\d+ +running +\\d+s +${subject.caller.user} +20`));
      await box.ok(["kill", id, "KILL"]);
      await box.untilStatus(id, "stopped");
      expect(await box.ok(["list", "-w"])).toMatch(/ stopped +-- /);
    });

    test("--debug tells the phases, of exec too", async () => {
      await using box = new Sandbox(subject);
      const { stderr } = await box.call(["--debug", "run", "--bundle", box.bundle(), box.name()]);
      expect(stderr).toMatch(/^\[debug\] stage started\n(\[debug\] .*\n)+\[debug\] program executed\n/m);
      expect(stderr).not.toContain("timing");
      const id = await box.detached();
      const log = box.file("log", "");
      const exec = await box.call(["--debug", "--log", log, "--log-format", "json", "exec", id, "true"]);
      expect(exec).toMatchObject({ code: 0, stderr: "" });
      const lines = readFileSync(log, "utf8").trim().split("\n");
      const phases = lines.map((line) => JSON.parse(line));
      expect(phases.map(({ level }) => level)).toEqual(lines.map(() => "debug"));
      expect(phases.map(({ msg }) => msg)).toContain("program executed");
    });

    test("run --timing: lines in a pipe, a chart on a terminal", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle();
      const piped = await box.call(["run", "--timing", "--bundle", bundle, box.name()]);
      expect(piped.stderr).toMatch(/^brun: timing +[\d.]+ ms +\+[\d.]+ {2}command line read$/m);
      await using terminal = box.terminal(["run", "--timing", "--bundle", bundle, box.name()], 100);
      expect(await terminal.exited).toBe(0);
      expect(terminal.text()).toMatch(/^command line read +[\d.]+ ms {2}[█▏▎▍▌▋▊▉]+\r$/m);
      expect(terminal.text()).toMatch(/^handing over to the supervisor +[\d.]+ ms +[█▏▎▍▌▋▊▉]+\r$/m);
      await using failed = box.terminal(["run", "--timing", "--bundle", "/none", "x"], 100);
      expect(await failed.exited).toBe(1);
      expect(failed.text()).toMatch(/^command line read .*█/m);
    });
  });
}
