/** Sizes: many containers, long lists, megabytes of arguments. */
import { describe, expect, test } from "bun:test";
import { chownSync, cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";

for (const subject of subjects()) {
  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    test("100 containers started at once", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sleep", "1000"];
      });
      const ids = Array.from({ length: 100 }, () => box.name());
      await Promise.all(ids.map((id) => box.ok(["run", "--detach", "--bundle", bundle, id])));
      expect((await box.ok(["list", "--quiet"])).trim().split("\n").sort()).toEqual(ids.toSorted());
      const pids = await Promise.all(ids.map(async (id) => (await box.inspect(id)).pid));
      expect(new Set(pids).size).toBe(100);
      await Promise.all(ids.map((id) => box.ok(["delete", "--force", id])));
      expect(await box.ok(["list", "--quiet"])).toBe("");
      await box.untilGone();
    }, 120000);

    test("the same id by 10 at once: one wins, the others are refused", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sleep", "1000"];
      });
      const id = box.name();
      const outcomes = await Promise.all(
        Array.from({ length: 10 }, () => box.call(["create", "--bundle", bundle, id])),
      );
      expect(outcomes.filter(({ code }) => code === 0)).toHaveLength(1);
      expect((await box.inspect(id)).status).toBe("created");
      await box.ok(["delete", "--force", id]);
      await box.untilGone();
    });

    // One argument may have 128 KB, both together a quarter of the stack's limit: 2 MB (execve(2)).
    test.each(["arguments", "environment"])("%s of a megabyte", async (what) => {
      await using box = new Sandbox(subject);
      const pieces = Array.from({ length: 11 }, (_, i) => `BIG${i}=${"x".repeat(100000)}`);
      const { stdout, stderr } = await box.sh('printf %s "$@" | wc -c; env | grep ^BIG | wc -c', (spec) => {
        if (what === "arguments") spec.process.args.push("sh", ...pieces);
        else spec.process.env.push(...pieces);
      });
      expect(stderr).toBe("");
      const size = pieces.join("").length;
      expect(stdout).toBe(what === "arguments" ? `${size}\n0\n` : `0\n${size + pieces.length}\n`);
    });

    test("a config of a megabyte", async () => {
      await using box = new Sandbox(subject);
      const { code, stdout } = await box.sh("echo ran", (spec) => {
        const annotations: Record<string, string> = {};
        for (let i = 0; i < 10000; i++) annotations[`org.example.${i}`] = "y".repeat(100);
        spec.annotations = annotations;
      });
      expect(code).toBe(0);
      expect(stdout).toBe("ran\n");
    });

    test("a created container's process is small", async () => {
      await using box = new Sandbox(subject);
      const id = box.name();
      await box.ok(["create", "--bundle", box.bundle(), id]);
      const { pid } = await box.inspect(id);
      const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
      if (subject.runtime === "brun") expect(rss).toBeLessThanOrEqual(100);
      else expect(rss).toBeGreaterThan(0);
    });
  });
}

for (const subject of subjects(["brun"])) {
  test(`${subject.label}: 1,000 existing containers are listed`, async () => {
    await using box = new Sandbox(subject);
    const id = box.name();
    await box.ok(["create", "--bundle", box.bundle(), id]);
    await box.ok(["kill", id, "KILL"]);
    await box.untilStatus(id, "stopped");
    // 999 more with the same stopped process, made by hand: only the time to make them would be gained otherwise.
    const state = readFileSync(`${box.state}/${id}/state.json`, "utf8");
    const { uid, gid } = statSync(`${box.state}/${id}`);
    const ids = [id, ...Array.from({ length: 999 }, () => box.name())];
    for (const other of ids.slice(1)) {
      cpSync(`${box.state}/${id}`, `${box.state}/${other}`, {
        recursive: true,
        filter: (path) => !path.endsWith(".fifo"),
      });
      writeFileSync(`${box.state}/${other}/state.json`, state.replaceAll(id, other));
      for (const name of ["", ...readdirSync(`${box.state}/${other}`)])
        chownSync(`${box.state}/${other}/${name}`, uid, gid);
    }
    expect((await box.ok(["list", "--quiet"])).trim().split("\n").sort()).toEqual(ids.toSorted());
    const list: { status: string }[] = JSON.parse(await box.ok(["list", "--format", "json"]));
    expect(list).toHaveLength(1000);
    expect(list.every(({ status }) => status === "stopped")).toBe(true);
    await box.ok(["delete", "--force", id]);
    rmSync(box.state, { recursive: true });
  });
}
