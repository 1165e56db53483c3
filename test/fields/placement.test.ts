/** How the kernel runs a process: scheduler, ioPriority, execCPUAffinity, personality, memoryPolicy. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { cpus, getPriority } from "node:os";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import type { TestSpec } from "../support/spec.ts";

/** Field 41 of stat(5) is the policy, 40 the real-time priority, 19 the nice value. */
const SCHED = "awk '{print $19, $40, $41}' /proc/self/stat";

/** A shell with it may fork, since its children have not. */
const DEADLINE = {
  policy: "SCHED_DEADLINE",
  runtime: 10e6,
  deadline: 20e6,
  period: 100e6,
  flags: ["SCHED_FLAG_RESET_ON_FORK"],
};

/** Only root may go below the nice value that the tests were started with. */
const NICE = getPriority();
const nicer = Math.min(NICE + 5, 19);

for (const subject of subjects()) {
  const root = subject.caller.name === "root";
  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    test.each([
      [{ policy: "SCHED_BATCH", nice: nicer }, `${nicer} 0 3`],
      [{ policy: "SCHED_IDLE" }, `${NICE} 0 5`],
      [{ policy: "SCHED_OTHER", nice: nicer }, `${nicer} 0 0`],
      ...(root ? ([[{ policy: "SCHED_RR", priority: 3 }, `${NICE} 3 2`]] as const) : []),
    ])("process.scheduler %j", async (scheduler, expected) => {
      await using box = new Sandbox(subject);
      // A new cgroup of v1 has no real-time budget (CONFIG_RT_GROUP_SCHED).
      const globals = "priority" in scheduler ? ["--cgroup-manager=disabled"] : [];
      const edit = (spec: TestSpec) => {
        Object.assign(spec.process, { scheduler });
      };
      const { stdout, stderr } = await box.sh(SCHED, edit, { globals });
      expect(stderr).toBe("");
      expect(stdout.trim()).toBe(expected);
    });

    const forRoot = root ? test : () => undefined;
    const forUser = root ? () => undefined : test;

    forRoot("process.scheduler with a deadline, and flags", async () => {
      await using box = new Sandbox(subject);
      const { stdout, stderr } = await box.sh(`cut -d' ' -f41 /proc/$$/stat; ${SCHED}; true`, (spec) => {
        Object.assign(spec.process, { scheduler: DEADLINE });
      });
      expect(stderr).toBe("");
      // The shell has the deadline; what it forks does not.
      expect(stdout).toBe("6\n0 0 0\n");
    });

    if (subject.runtime === "brun") {
      forRoot("process.scheduler with a deadline in a container with some of the CPUs", async () => {
        await using box = new Sandbox(subject);
        const script = `cut -d' ' -f41 /proc/$$/stat; grep Cpus_allowed_list /proc/$$/status; true`;
        const { stdout, stderr } = await box.sh(script, (spec) => {
          Object.assign(spec.process, { scheduler: DEADLINE });
          spec.linux.resources = { cpu: { cpus: "0", mems: "0" } };
        });
        expect(stderr).toBe("");
        expect(stdout).toBe("6\nCpus_allowed_list:\t0\n");
      });
    }

    forUser("process.scheduler that needs root is refused, and named", async () => {
      await using box = new Sandbox(subject);
      const outcome = await box.sh("true", (spec) => {
        Object.assign(spec.process, { scheduler: { policy: "SCHED_FIFO", priority: 10 } });
      });
      expect(outcome.code).toBe(1);
      if (subject.runtime === "brun") expect(outcome.stderr).toContain("process.scheduler");
    });

    test.each([
      ["IOPRIO_CLASS_BE", 6, "best-effort: prio 6"],
      ["IOPRIO_CLASS_IDLE", 0, "idle"],
      ...(root ? ([["IOPRIO_CLASS_RT", 2, "realtime: prio 2"]] as const) : []),
    ])("process.ioPriority %s %d", async (name, priority, expected) => {
      await using box = new Sandbox(subject);
      const { stdout, stderr } = await box.sh("ionice", (spec) => {
        Object.assign(spec.process, { ioPriority: { class: name, priority } });
      });
      expect(stderr).toBe("");
      expect(stdout.trim()).toBe(expected);
    });

    test("linux.personality LINUX32, also for exec", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached((spec) => {
        Object.assign(spec.linux, { personality: { domain: "LINUX32" } });
      });
      expect((await box.exec(id, "uname -m")).stdout).toMatch(/^(i686|armv8l)$/m);
      const { stdout } = await box.sh("uname -m", (spec) => {
        Object.assign(spec.linux, { personality: { domain: "LINUX32" } });
      });
      expect(stdout).toMatch(/^(i686|armv8l)$/m);
    });

    test("process.execCPUAffinity for exec only", async () => {
      await using box = new Sandbox(subject);
      const last = `${cpus().length - 1}`;
      const list = "grep Cpus_allowed_list /proc/self/status | cut -f2";
      const id = await box.detached((spec) => {
        spec.process.args = ["/bin/sh", "-c", `${list} >/cpus; exec sleep 1000`];
        Object.assign(spec.process, { execCPUAffinity: { initial: "0", final: last } });
      });
      expect((await box.exec(id, list)).stdout).toBe(`${last}\n`);
      const first = (await box.exec(id, "cat /cpus")).stdout;
      expect(first).toBe(readFileSync("/proc/self/status", "utf8").match(/Cpus_allowed_list:\t(.*\n)/)![1]!);
    });

    // Another CPU than the first one, which the cgroup of the container alone has.
    const forCpusets = root && cpus().length > 1 ? test : () => undefined;

    forCpusets("process.execCPUAffinity.initial is of the time before the container's cgroup", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached((spec) => {
        spec.linux.resources = { cpu: { cpus: "1", mems: "0" } };
        Object.assign(spec.process, { execCPUAffinity: { initial: "0" } });
      });
      const list = ["grep", "Cpus_allowed_list", "/proc/self/status"];
      const { stdout, stderr } = await box.call(["--debug", "exec", id, ...list]);
      expect(stdout).toBe("Cpus_allowed_list:\t1\n");
      if (subject.runtime === "brun")
        expect(stderr).toContain("process.execCPUAffinity.initial: affinity 0x1\n");
    });

    forCpusets("process.execCPUAffinity.initial that is not there is named", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached((spec) => {
        Object.assign(spec.process, { execCPUAffinity: { initial: "8000" } });
      });
      const { code, stderr } = await box.call(["exec", id, "true"]);
      expect(code).toBe(255);
      if (subject.runtime === "brun") {
        expect(stderr).toContain(
          "process.execCPUAffinity.initial: cannot run on the CPUs 8000: invalid argument",
        );
      }
    });

    test("linux.memoryPolicy, also for exec", async () => {
      await using box = new Sandbox(subject);
      const policy = { mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"] };
      const script = "head -1 /proc/self/numa_maps | cut -d' ' -f2";
      const id = await box.detached((spec) => {
        Object.assign(spec.linux, { memoryPolicy: policy });
      });
      expect((await box.exec(id, script)).stdout).toBe("bind=static:0\n");
      const outcome = await box.sh(script, (spec) => {
        Object.assign(spec.linux, { memoryPolicy: { mode: "MPOL_INTERLEAVE", nodes: "0" } });
      });
      expect(outcome).toMatchObject({ stdout: "interleave:0\n", stderr: "" });
    });
  });
}
