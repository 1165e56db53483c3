/** Limits that hold, at each place of the test machine (`npm run test:vm`); elsewhere there are no tests here. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { host } from "../support/caller.ts";
import { cgroupsNamed, until } from "../support/processes.ts";
import type { TestSpec } from "../support/spec.ts";
import { allCgroups, counter, diskNumber, fileText, PlacedSandbox, place } from "./place.ts";

const MIB = 1024 * 1024;

/** Edits a spec to have resources and, when given, a shell script to run. */
const limited =
  (resources: object, script?: string) =>
  (spec: TestSpec): void => {
    spec.linux.resources = resources;
    if (script !== undefined) spec.process.args = ["/bin/sh", "-c", script];
  };

/** Replaces the shell by one process that fills memory: files of a tmpfs count, and are not given back. */
const eat = (megabytes: number): string => `exec dd if=/dev/zero of=/dev/shm/file bs=1M count=${megabytes}`;

/** Starts n processes and says so. */
const multiply = (n: number): string =>
  `i=0; while [ $i -lt ${n} ]; do sleep 60 & i=$((i+1)); done; echo all; exec sleep 0`;

/** Lets the container's process make devices. */
function makesDevices(spec: TestSpec): void {
  const sets = ["bounding", "effective", "permitted"];
  spec.process.capabilities = Object.fromEntries(sets.map((set) => [set, ["CAP_MKNOD"]]));
}

/** Rules that allow one block device, beside what is always allowed. */
const onlyDevice = (major: number, minor: number, access: string) => ({
  devices: [
    { allow: false, access: "rwm" },
    { allow: true, type: "b", major, minor, access },
  ],
});

/** How often a container is run to see whether anything stays: 1,000 times by `npm run test:vm -- all`. */
const RUNS = Number(process.env.BRUN_TEST_RUNS);

/** What containers could leave on the machine. */
function remains(): { cgroups: string[]; units: string; mounts: number } {
  const unitsOf = (...scope: string[]) =>
    host("systemctl", ...scope, "list-units", "--all", "--plain", "--no-legend", "brun-*");
  return {
    cgroups: allCgroups(),
    units: here!.systemd ? unitsOf(...(here!.user ? ["--user"] : [])) : "",
    mounts: readFileSync("/proc/self/mountinfo", "utf8").split("\n").length,
  };
}

const here = place();
if (here !== undefined) {
  describe(`brun at ${here.name}`, () => {
    test.concurrent("pids.limit 32 allows 32 processes and refuses the 33rd", async () => {
      await using box = new PlacedSandbox(here);
      const resources = { pids: { limit: 32 } };
      // The shell counts too.
      const within = await box.sh(multiply(31), limited(resources));
      expect(within).toMatchObject({ code: 0, stdout: "all\n", stderr: "" });
      const beyond = await box.sh(multiply(32), limited(resources));
      expect(beyond.stdout).toBe("");
      expect(beyond.stderr).toContain("can't fork");
      expect(beyond.code).not.toBe(0);
    });

    test.concurrent("64 MB under memory.limit 32 MB: OOM-killed, reported by events, exit code 137", async () => {
      await using box = new PlacedSandbox(here);
      const id = box.name();
      const bundle = box.bundle(
        limited(
          { memory: { limit: 32 * MIB, swap: 32 * MIB } },
          `until [ -e /go ]; do usleep 50000; done; ${eat(64)}`,
        ),
      );
      const running = box.spawn(["run", "--bundle", bundle, id]);
      await until("the container", () => box.known(id) && existsSync(`${box.state}/${id}/state.json`));
      await box.untilStatus(id, "running");
      const directory = await box.cgroupOf(id);
      expect([fileText(directory, "memory.max"), fileText(directory, "memory.swap.max")]).toEqual([
        `${32 * MIB}`,
        "0",
      ]);
      const watching = box.spawn(["events", "--interval", "200ms", id]);
      await until("statistics", () => watching.stdout().includes('"stats"'));
      box.file(`${bundle.slice(box.dir.length + 1)}/rootfs/go`, "");
      expect((await running.done).code).toBe(137);
      const events = await watching.done;
      expect(events.code).toBe(0);
      const lines = events.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(lines.find(({ type }) => type === "oom")).toEqual({ type: "oom", id });
      await until("the cgroup to go", () => cgroupsNamed(id).length === 0);
    });

    test.concurrent("events that come to read late, when container and cgroup are gone, report the OOM kill", async () => {
      await using box = new PlacedSandbox(here);
      const id = box.name();
      const resources = { memory: { limit: 32 * MIB, swap: 32 * MIB } };
      const bundle = box.bundle(limited(resources, `until [ -e /go ]; do usleep 50000; done; ${eat(64)}`));
      const running = box.spawn(["run", "--bundle", bundle, id]);
      await until("the container", () => existsSync(`${box.state}/${id}/state.json`));
      await box.untilStatus(id, "running");
      const watching = box.spawn(["events", "--interval", "200ms", id]);
      await until("statistics", () => watching.stdout().includes('"stats"'));
      watching.kill("SIGSTOP");
      box.file(`${bundle.slice(box.dir.length + 1)}/rootfs/go`, "");
      expect((await running.done).code).toBe(137);
      await until("the cgroup to go", () => cgroupsNamed(id).length === 0);
      watching.kill("SIGCONT");
      expect((await watching.done).stdout).toContain('"type":"oom"');
    });

    test.concurrent("a memory limit of 1 MB is enough for a static program", async () => {
      await using box = new PlacedSandbox(here);
      const outcome = await box.sh("echo small", limited({ memory: { limit: MIB } }));
      expect(outcome).toMatchObject({ code: 0, stdout: "small\n" });
    });

    test("a CPU quota of 0.2 shows in cpu.stat; update takes it away", async () => {
      await using box = new PlacedSandbox(here);
      const id = await box.detached(
        limited({ cpu: { quota: 20000, period: 100000 } }, "while :; do :; done"),
      );
      const directory = await box.cgroupOf(id);
      const share = async (): Promise<number> => {
        const [used, began] = [counter(directory, "cpu.stat", "usage_usec"), performance.now()];
        await Bun.sleep(2000);
        return (counter(directory, "cpu.stat", "usage_usec") - used) / 1000 / (performance.now() - began);
      };
      const slow = await share();
      expect(slow).toBeGreaterThan(0.05);
      expect(slow).toBeLessThan(0.27);
      expect(counter(directory, "cpu.stat", "nr_throttled")).toBeGreaterThan(5);
      await box.ok(["update", "--cpu-quota", "-1", id]);
      expect(fileText(directory, "cpu.max")).toBe("max 100000");
      expect(await share()).toBeGreaterThan(slow * 1.5);
    });

    test.concurrent("update changes memory, pids, shares and quota of a running container", async () => {
      await using box = new PlacedSandbox(here);
      const id = await box.detached(limited({ memory: { limit: 64 * MIB }, pids: { limit: 20 } }));
      const directory = await box.cgroupOf(id);
      const flags = ["--memory", "96m", "--memory-swap", "128m", "--memory-reservation", "16m"];
      flags.push("--pids-limit", "7", "--cpu-share", "512", "--cpu-quota", "30000", "--cpu-period", "50000");
      await box.ok(["update", ...flags, id]);
      const files = ["memory.max", "memory.swap.max", "memory.low", "pids.max", "cpu.weight", "cpu.max"];
      const now = (): Record<string, string> =>
        Object.fromEntries(files.map((file) => [file, fileText(directory, file)]));
      const expected = {
        "memory.max": `${96 * MIB}`,
        "memory.swap.max": `${32 * MIB}`,
        "memory.low": `${16 * MIB}`,
        "pids.max": "7",
        "cpu.weight": "59",
        "cpu.max": "30000 50000",
      };
      expect(now()).toEqual(expected);
      const beyond = await box.exec(id, multiply(9));
      expect(beyond.stderr).toContain("can't fork");
      await box.ok(["update", "-r", "-", id], { stdin: '{"pids":{"limit":-1}}' });
      expect(now()).toEqual({ ...expected, "pids.max": "max" });
    });

    test.concurrent("pause stops a counter, resume lets it go on", async () => {
      await using box = new PlacedSandbox(here);
      const id = box.name();
      const count = "i=0; while :; do i=$((i+1)); echo $i >/count; usleep 20000; done";
      const bundle = box.bundle(limited({ pids: { limit: 9 } }, count));
      await box.ok(["run", "--detach", "--bundle", bundle, id]);
      const reached = (): number => {
        const file = `${bundle}/rootfs/count`;
        return existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
      };
      await until("the counter", () => reached() > 0);
      await box.ok(["pause", id]);
      expect((await box.inspect(id)).status).toBe("paused");
      const stopped = reached();
      await Bun.sleep(500);
      expect(reached()).toBe(stopped);
      await box.ok(["resume", id]);
      await until("the counter to go on", () => reached() > stopped);
      expect((await box.inspect(id)).status).toBe("running");
    });

    test.concurrent("exec joins the container's cgroup, ps lists it", async () => {
      await using box = new PlacedSandbox(here);
      const id = await box.detached(limited({ pids: { limit: 20 } }));
      const directory = await box.cgroupOf(id);
      const running = box.spawn(["exec", id, "/bin/sleep", "1000"]);
      await until("two processes", () => fileText(directory, "cgroup.procs").split("\n").length === 2);
      expect(JSON.parse(await box.ok(["ps", "--format", "json", id]))).toHaveLength(2);
      await box.ok(["kill", "--all", id, "KILL"]);
      expect((await running.done).code).toBe(137);
    });

    test("nothing is left of containers that do not start, are killed, or lose their brun", async () => {
      await using box = new PlacedSandbox(here);
      const before = allCgroups();
      const edit = limited({ memory: { limit: 64 * MIB } });
      const missing = box.bundle((spec) => {
        edit(spec);
        spec.process.args = ["/nowhere"];
      });
      expect((await box.call(["run", "--bundle", missing, box.name()])).code).not.toBe(0);
      const refused = box.bundle(limited({ unified: { "memory.nothing": "1" } }));
      expect((await box.call(["run", "--bundle", refused, box.name()])).code).not.toBe(0);
      expect(allCgroups()).toEqual(before);
      const bundle = box.bundle((spec) => {
        edit(spec);
        spec.process.args = ["/bin/sleep", "1000"];
      });
      for (const delay of [50, 150, 300, 450, 600, 800]) {
        const id = box.name();
        const running = box.spawn(["run", "--bundle", bundle, id]);
        await Bun.sleep(delay);
        running.kill("SIGKILL");
        await running.done;
        await box.ok(["delete", "--force", id]);
        await box.untilGone(id);
      }
      await until("the cgroups to go", () => allCgroups().length <= before.length);
      expect(allCgroups()).toEqual(before);
    });

    test(
      `${RUNS} runs leave no cgroup, unit, mount, process or state behind`,
      async () => {
        await using box = new PlacedSandbox(here);
        const bundle = box.bundle(limited({ pids: { limit: 9 } }, "exit 0"));
        // systemd keeps the slice that the first container is in.
        await box.ok(["run", "--bundle", bundle, box.name()]);
        const before = remains();
        const batch = async (n: number): Promise<void> => {
          for (let i = 0; i < n; i++) await box.ok(["run", "--bundle", bundle, box.name()]);
        };
        const began = performance.now();
        await Promise.all([batch(RUNS / 2), batch(RUNS / 2)]);
        const seconds = Math.round((performance.now() - began) / 1000);
        await until("the cgroups to go", () => allCgroups().length <= before.cgroups.length);
        const after = remains();
        console.log(
          `${RUNS} runs in ${seconds} s: ${before.cgroups.length} cgroups before, ${after.cgroups.length} after`,
        );
        expect(after).toEqual(before);
        expect(readdirSync(box.state)).toEqual([]);
        expect(box.leftovers()).toEqual([]);
      },
      RUNS * 6000 + 60000,
    );

    if (here.user) return;
    test.concurrent("device rules deny what they should", async () => {
      await using box = new PlacedSandbox(here);
      const [major, minor] = diskNumber("vda");
      const script =
        `mknod /dev/disk b ${major} ${minor} && head -c 1 /dev/disk >/dev/null && echo read\n` +
        "(echo x >>/dev/disk) 2>/dev/null || echo not written\n" +
        // Any device may be made (runc's default rules), but not opened.
        `mknod /dev/other b ${major} ${minor! + 16} && head -c 1 /dev/other 2>/dev/null || echo not opened\n` +
        "head -c 1 /dev/zero >/dev/null && echo zero";
      const outcome = await box.sh(script, (spec) => {
        makesDevices(spec);
        spec.linux.resources = onlyDevice(major!, minor!, "rm");
      });
      expect(outcome.stdout).toBe("read\nnot written\nnot opened\nzero\n");
    });

    test("update replaces device rules, for good", async () => {
      await using box = new PlacedSandbox(here);
      const [one, other] = [diskNumber("vda"), diskNumber("vdb")];
      const id = await box.detached((spec) => {
        makesDevices(spec);
        spec.linux.resources = onlyDevice(one[0]!, one[1]!, "r");
      });
      const open = async (): Promise<string> => {
        const script = [one, other].map(
          ([major, minor], i) =>
            `rm -f /dev/d${i}; mknod /dev/d${i} b ${major} ${minor}; head -c 1 /dev/d${i} >/dev/null 2>&1 && echo ${i}`,
        );
        return (await box.exec(id, script.join("\n"))).stdout;
      };
      expect(await open()).toBe("0\n");
      const rules = JSON.stringify(onlyDevice(other[0]!, other[1]!, "r"));
      await box.ok(["update", "-r", "-", id], { stdin: rules });
      expect(await open()).toBe("1\n");
      if (!here.systemd) return;
      // systemd then writes to the cgroup what it knows.
      host("systemctl", "daemon-reload");
      expect(await open()).toBe("1\n");
    });
  });
}
