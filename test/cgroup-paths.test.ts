/** Where a container's cgroup is to be: linux.cgroupsPath, and what stands in the way there. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { cgroupPlaces, limits, MOUNT, UNIFIED } from "./support/cgroups.ts";
import { cgroupsNamed, until } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";
import type { TestSpec } from "./support/spec.ts";

for (const { subject, version, has } of cgroupPlaces()) {
  describe(subject.label, () => {
    test("a cgroup that is frozen is refused", async () => {
      await using box = new Sandbox(subject);
      const name = box.name();
      const top = version === 2 ? UNIFIED : `${MOUNT}/freezer`;
      mkdirSync(`${top}/${name}`);
      try {
        writeFileSync(
          `${top}/${name}/${version === 2 ? "cgroup.freeze" : "freezer.state"}`,
          version === 2 ? "1" : "FROZEN",
        );
        const outcome = await box.sh("true", (spec) => {
          spec.linux.cgroupsPath = `/${name}`;
        });
        expect([outcome.code, outcome.stderr]).toEqual([1, expect.stringContaining("is frozen")]);
      } finally {
        rmdirSync(`${top}/${name}`);
      }
    });

    test("a cgroupsPath, with the parents made for it", async () => {
      await using box = new Sandbox(subject);
      const name = box.name();
      const outcome = await box.sh("cat /proc/self/cgroup", (spec) => {
        spec.linux.cgroupsPath = `/${name}/inner/leaf`;
        spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "cgroup");
      });
      expect(outcome.stdout).toContain(`/${name}/inner/leaf`);
      expect(cgroupsNamed(name)).toEqual([]);
    });

    test("two containers cannot share a cgroup", async () => {
      await using box = new Sandbox(subject);
      const path = `/${box.name()}`;
      const edit = (spec: TestSpec) => {
        spec.linux.cgroupsPath = path;
      };
      const id = await box.detached(edit);
      const outcome = await box.sh("true", edit);
      expect(outcome.stderr).toContain("has processes already");
      expect((await box.inspect(id)).status).toBe("running");
    });

    // Only cgroup v2 has threaded cgroups.
    if (version === 1) return;

    /** Makes a threaded cgroup for as long as `use` takes; below it the kernel takes only threaded ones. */
    async function belowThreaded(name: string, use: (top: string) => Promise<void>): Promise<void> {
      const top = `${UNIFIED}/${name}`;
      mkdirSync(top);
      try {
        writeFileSync(`${top}/cgroup.type`, "threaded");
        await use(top);
      } finally {
        rmdirSync(top);
      }
    }

    const at =
      (cgroupsPath: string, resources: object = {}) =>
      (spec: TestSpec): void => {
        limits(resources)(spec);
        spec.linux.cgroupsPath = cgroupsPath;
      };

    for (const inner of ["", "/inner"]) {
      test(`the life of a container ${inner === "" ? "" : "two levels "}below a threaded cgroup`, async () => {
        await using box = new Sandbox(subject);
        const name = box.name();
        await belowThreaded(name, async (top) => {
          const resources = has("pids") ? { pids: { limit: 9 } } : {};
          const id = await box.detached(at(`/${name}${inner}/leaf`, resources));
          const leaf = `${top}${inner}/leaf`;
          expect(readFileSync(`${leaf}/cgroup.type`, "utf8")).toBe("threaded\n");
          if (has("pids")) expect(readFileSync(`${leaf}/pids.max`, "utf8")).toBe("9\n");
          const running = box.spawn(["exec", id, "/bin/sleep", "1000"]);
          const threads = () => readFileSync(`${leaf}/cgroup.threads`, "utf8").trim().split("\n");
          await until("two processes", () => threads().length === 2);
          expect(JSON.parse(await box.ok(["ps", "--format", "json", id]))).toHaveLength(2);
          await box.ok(["pause", id]);
          expect((await box.inspect(id)).status).toBe("paused");
          await box.ok(["resume", id]);
          await box.ok(["kill", "--all", id, "KILL"]);
          expect((await running.done).code).toBe(137);
          await box.untilStatus(id, "stopped");
          await box.ok(["delete", id]);
          expect(existsSync(`${top}${inner || "/leaf"}`)).toBe(false);
        });
      });
    }

    test("below a threaded cgroup, a limit that needs a domain is refused", async () => {
      await using box = new Sandbox(subject);
      const name = box.name();
      await belowThreaded(name, async (top) => {
        const outcome = await box.sh("true", at(`/${name}/leaf`, { memory: { limit: 64 << 20 } }));
        expect([outcome.code, outcome.stderr]).toEqual([
          1,
          expect.stringContaining(", so it can have no memory, io or hugetlb limits"),
        ]);
        expect(existsSync(`${top}/leaf`)).toBe(false);
      });
    });
  });
}
