/** Limits, freezing, killing and statistics by cgroup: v1 and v2 as root, and what a user without cgroups gets. */

import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmdirSync } from "node:fs";
import { callers, isRoot, testUser } from "./support/caller.ts";
import { BY_SYSTEMD, cgroupPlaces, fileOf, limits, MOUNT, v2View } from "./support/cgroups.ts";
import { BY_BUN, call, HAS_FRONT } from "./support/front.ts";
import { cgroupsNamed, until } from "./support/processes.ts";
import { pureCgroup2, type Subject } from "./support/runtime.ts";
import { type Outcome, Sandbox } from "./support/sandbox.ts";
import type { TestSpec } from "./support/spec.ts";
import { brunPath } from "./support/workspace.ts";

/** Allocates megabytes in a shell: a string that grows. */
const eat = (megabytes: number) => `x=$(head -c ${megabytes}m /dev/zero | tr '\\0' x); echo done`;

for (const { subject, version, has } of cgroupPlaces()) {
  describe(subject.label, () => {
    test.skipIf(!has("pids"))("more processes than pids.limit cannot be", async () => {
      await using box = new Sandbox(subject);
      const script = "for i in $(seq 33); do sleep 5 & done; echo all";
      const outcome = await box.sh(script, limits({ pids: { limit: 32 } }));
      expect(outcome.stdout).not.toContain("all");
      expect(outcome.stderr).toContain("can't fork");
    });

    test.skipIf(!has("memory"))(
      "more memory than memory.limit is an OOM kill, which events report",
      async () => {
        await using box = new Sandbox(subject);
        const id = box.name();
        const resources = { memory: { limit: 32 << 20, swap: 32 << 20 } };
        const bundle = box.bundle(limits(resources, ["/bin/sh", "-c", `sleep 2; ${eat(64)}`]));
        const running = box.spawn(["run", "--bundle", bundle, id]);
        await until("the container", () => existsSync(`${box.state}/${id}/state.json`));
        await box.untilStatus(id, "running");
        const watching = box.spawn(["events", "--interval", "200ms", id]);
        expect((await running.done).code).toBe(137);
        const { stdout, code } = await watching.done;
        expect(code).toBe(0);
        const types = stdout
          .split("\n")
          .filter(Boolean)
          .map((line) => JSON.parse(line).type);
        expect(types).toContain("stats");
        expect(types).toContain("oom");
      },
    );

    test.skipIf(!has("memory"))("a memory limit of 1 MB is enough for a small program", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle(limits({ memory: { limit: 1 << 20 } }, ["/bin/true"]));
      expect((await box.call(["run", "--bundle", bundle, box.name()])).code).toBe(0);
    });

    test.skipIf(!has("cpu"))("a CPU quota throttles, and update takes it away", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached(
        limits({ cpu: { quota: 20000, period: 100000 } }, ["/bin/sh", "-c", "while :; do :; done"]),
      );
      await until("throttling", () => /nr_throttled [1-9]/.test(fileOf(id, "cpu.stat")));
      await box.ok(["update", "--cpu-quota", "-1", id]);
      const now = version === 2 ? fileOf(id, "cpu.max") : fileOf(id, "cpu.cfs_quota_us");
      expect(now).toBe(version === 2 ? "max 100000" : "-1");
    });

    test.skipIf(!has("pids"))("a pids.limit of 0 stands for 1", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached((spec) => {
        spec.ociVersion = "1.3.0";
        spec.linux.resources = { pids: { limit: 0 } };
      });
      expect(fileOf(id, "pids.max")).toBe("1");
      // As podman 4 says that there is none.
      const old = await box.detached((spec) => {
        spec.ociVersion = "1.0.2-dev";
        spec.linux.resources = { pids: { limit: 0 } };
      });
      // systemd gives every unit a limit of its own.
      const none = await box.detached();
      expect(fileOf(old, "pids.max")).toBe(fileOf(none, "pids.max"));
    });

    test.skipIf(!has("memory") || !has("pids"))("update changes limits, by flags and by a file", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      await box.ok(["update", "--memory", "64m", "--memory-swap", "64m", "--pids-limit", "9", id]);
      const memory = () => fileOf(id, version === 2 ? "memory.max" : "memory.limit_in_bytes");
      expect([memory(), fileOf(id, "pids.max")]).toEqual([`${64 << 20}`, "9"]);
      const json = JSON.stringify({ memory: { limit: 128 << 20, swap: 256 << 20 }, pids: { limit: -1 } });
      await box.ok(["update", "--resources", "-", id], { stdin: json });
      expect([memory(), fileOf(id, "pids.max")]).toEqual([`${128 << 20}`, "max"]);
      await box.ok(["update", "-r", box.file("limits.json", '{"memory":{"limit":67108864}}'), id]);
      expect(memory()).toBe(`${64 << 20}`);
      const refused = await box.call(["update", "-r", "-", id], { stdin: '{"memory":{"limit":"x"}}' });
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain("linux.resources.memory.limit");
    });

    test("pause stops a counter, resume lets it go on", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached((spec) => {
        spec.process.args = [
          "/bin/sh",
          "-c",
          "i=0; while :; do i=$((i+1)); echo $i >/tmp/n; usleep 10000; done",
        ];
        spec.mounts.push({ destination: "/tmp", type: "tmpfs", source: "tmpfs" });
      });
      const { pid } = await box.inspect(id);
      const count = () => {
        const file = `/proc/${pid}/root/tmp/n`;
        return existsSync(file) ? readFileSync(file, "utf8") : "";
      };
      await until("the counter", () => count() !== "");
      await box.ok(["pause", id]);
      expect((await box.inspect(id)).status).toBe("paused");
      expect(await box.ok(["list"])).toMatch(new RegExp(`^${id} +\\d+ +paused `, "m"));
      const frozen = count();
      await Bun.sleep(200);
      expect(count()).toBe(frozen);
      expect((await box.call(["pause", id])).stderr).toContain("paused already");
      expect((await box.call(["exec", id, "true"])).stderr).toContain("paused container");
      await box.ok(["resume", id]);
      await until("the counter to go on", () => count() !== frozen);
      expect((await box.call(["resume", id])).stderr).toContain("container not paused");
      // A paused container can be killed and deleted.
      await box.ok(["pause", id]);
      await box.ok(["kill", id, "KILL"]);
      await box.untilStatus(id, "stopped");
      await box.ok(["delete", id]);
      expect(cgroupsNamed(id)).toEqual([]);
    });

    test("a paused container can be deleted by force", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      await box.ok(["pause", id]);
      await box.ok(["delete", "--force", id]);
      expect(cgroupsNamed(id)).toEqual([]);
    });

    test("devices: only those that rules and defaults allow", async () => {
      await using box = new Sandbox(subject);
      const edit = (resources: object) => (spec: TestSpec) => {
        spec.linux.resources = resources;
        // CAP_SYS_RAWIO: /dev/mem asks for it beside the rules.
        for (const set of Object.values(spec.process.capabilities!)) set.push("CAP_MKNOD", "CAP_SYS_RAWIO");
      };
      const script =
        "mknod /tmp/m c 1 1; head -c 1 /tmp/m >/dev/null && echo mem; head -c 1 /dev/zero | wc -c";
      const withTmp = (resources: object) => (spec: TestSpec) => {
        edit(resources)(spec);
        spec.mounts.push({ destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["dev"] });
      };
      const denied = await box.sh(script, withTmp({ devices: [{ allow: false, access: "rwm" }] }));
      expect(denied.stdout).toBe("1\n");
      expect(denied.stderr).toContain("Operation not permitted");
      const rules = [
        { allow: false, access: "rwm" },
        { allow: true, type: "c", major: 1, minor: 1, access: "r" },
      ];
      const allowed = await box.sh(script, withTmp({ devices: rules }));
      expect(allowed.stderr).not.toContain("Operation not permitted");
    });

    test("exec that the front does joins the cgroup", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      const counts = () =>
        cgroupsNamed(id).map(
          (path) => readFileSync(`${path}/cgroup.procs`, "utf8").split("\n").filter(Boolean).length,
        );
      const before = counts();
      expect(before.length).toBeGreaterThan(0);
      const sleep = ["exec", "-d", id, "sleep", "100"];
      const done = await call(box, sleep);
      // Out of another session's scope only systemd moves a process.
      expect([done.code, done.bun]).toEqual([0, BY_SYSTEMD ? done.bun : !HAS_FRONT]);
      expect(counts()).toEqual(before.map((count) => count + 1));
      await box.ok(sleep, BY_BUN);
      expect(counts()).toEqual(before.map((count) => count + 2));
      const seen = ["exec", id, "cat", "/proc/self/cgroup"];
      expect(await box.ok(seen)).toBe(await box.ok(seen, BY_BUN));
    });

    test("exec joins the cgroup, or one below it", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      const name = BY_SYSTEMD ? `brun-${id}.scope` : id;
      const below = `${cgroupsNamed(id).find((path) => version === 2 || path.includes("/pids/"))}/sub`;
      const where = async (...flags: string[]): Promise<string> => {
        const pidFile = `${box.dir}/${box.name()}`;
        await box.ok(["exec", "--detach", "--pid-file", pidFile, ...flags, id, "sleep", "100"]);
        const lines = readFileSync(`/proc/${readFileSync(pidFile, "utf8")}/cgroup`, "utf8").split("\n");
        return lines.find(
          (line) => line.startsWith(version === 2 ? "0::" : "") && (version === 2 || line.includes(":pids:")),
        )!;
      };
      expect(await where()).toEndWith(`/${name}`);
      expect((await box.call(["exec", "--cgroup", "sub", id, "true"])).stderr).toContain(
        "no such file or directory",
      );
      for (const path of ["..", "sub/../../other"]) {
        const { code, stderr } = await box.call(["exec", "--cgroup", path, id, "true"]);
        expect({ code, stderr }).toMatchObject({
          code: 255,
          stderr: expect.stringContaining("bad sub cgroup path"),
        });
      }
      mkdirSync(below);
      const flag = version === 2 ? "sub" : "pids:sub";
      expect(await where("--cgroup", flag)).toEndWith(`/${name}/sub`);
      const pids = JSON.parse(await box.ok(["ps", "--format", "json", id]));
      expect(pids).toHaveLength(3);
      // What the container made below its cgroup goes with it.
      await box.ok(["delete", "--force", id]);
      expect(cgroupsNamed(id)).toEqual([]);
    });

    test("kill --all reaches what has left the process tree", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached((spec) => {
        spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "pid");
        spec.process.args = ["/bin/sh", "-c", "setsid sleep 500 & exec sleep 501"];
      });
      const pids = async (): Promise<number[]> => JSON.parse(await box.ok(["ps", "-f", "json", id]));
      const all = await pids();
      expect(all).toHaveLength(2);
      await box.ok(["kill", "--all", id, "TERM"]);
      await until("all to end", () => all.every((pid) => !alive(pid)));
      await box.ok(["delete", id]);
    });

    test("a foreground run leaves no cgroup, whatever is in it", async () => {
      await using box = new Sandbox(subject);
      const outcome = await box.sh("setsid sleep 500 & exit 3", (spec) => {
        spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "pid");
      });
      expect(outcome.code).toBe(3);
      await box.untilGone();
    });

    test("a start that fails leaves no cgroup", async () => {
      await using box = new Sandbox(subject);
      const cases: ((spec: TestSpec) => void)[] = [
        limits({}, ["/no/such/program"]),
        limits({ hugepageLimits: [{ pageSize: "3MB", limit: 1 }] }),
        (spec) => spec.mounts.push({ destination: "/x", type: "nosuchfs", source: "x" }),
      ];
      for (const edit of cases) {
        const outcome = await box.call(["run", "--bundle", box.bundle(edit), box.name()]);
        expect(outcome.code).not.toBe(0);
        await box.untilGone();
      }
    });

    test("killing brun at any moment leaves nothing that delete --force does not remove", async () => {
      await using box = new Sandbox(subject);
      for (let delay = 2; delay < 60; delay += 6) {
        const id = box.name();
        const bundle = box.bundle(limits({}, ["/bin/sleep", "100"]));
        const running = box.spawn(["run", "--bundle", bundle, id]);
        await Bun.sleep(delay);
        running.kill("SIGKILL");
        await running.done;
        await box.ok(["delete", "--force", id]);
        await box.untilGone(id);
      }
    });

    test("statistics in runc's form", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      const { type, id: named, data } = JSON.parse(await box.ok(["events", "--stats", id]));
      expect([type, named]).toEqual(["stats", id]);
      expect(Object.keys(data)).toEqual([
        ...["cpu", "cpuset", "memory", "pids", "blkio", "hugetlb", "intel_rdt", "network_interfaces"],
      ]);
      expect(data.pids.current).toBe(1);
      expect(data.cpu.usage.total).toBeGreaterThan(0);
      if (has("memory")) expect(data.memory.usage.usage).toBeGreaterThan(0);
    });

    test("--cgroup-manager=disabled stays where it is", async () => {
      await using box = new Sandbox(subject);
      const id = box.name();
      const bundle = box.bundle(limits({ pids: { limit: 1 } }, ["/bin/sleep", "100"]));
      await box.ok(["run", "--detach", "--bundle", bundle, id], { globals: ["--cgroup-manager=disabled"] });
      expect(cgroupsNamed(id)).toEqual([]);
      const paused = await box.call(["pause", id]);
      expect(paused.stderr).toContain("has no cgroup of its own");
    });
  });
}

function alive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
}

const user: Subject = { runtime: "brun", caller: testUser(), label: "user", unavailable: undefined };

describe.skipIf(pureCgroup2 || callers().length < 2)("a user on cgroup v1", () => {
  const limited = limits({ memory: { limit: 1 << 26 }, devices: [{ allow: false, access: "rwm" }] });
  const check = (outcome: Outcome, code: number) =>
    expect([outcome.code, outcome.stderr]).toEqual([code, outcome.stderr]);

  test("a limit that cannot be set is refused with its cause and remedy", async () => {
    await using box = new Sandbox(user);
    const outcome = await box.sh("true", limited);
    check(outcome, 1);
    expect(outcome.stderr).toContain("linux.resources.memory.limit cannot be honoured");
    expect(outcome.stderr).toContain("--cgroup-manager=disabled");
    expect(box.leftovers()).toEqual([]);
  });

  test("without limits, or told to ignore them, the container runs", async () => {
    await using box = new Sandbox(user);
    check(
      await box.sh("true", limits({ devices: [{ allow: false, access: "rwm" }], pids: { limit: -1 } })),
      0,
    );
    check(await box.sh("true", limited, { globals: ["--cgroup-manager=disabled"] }), 0);
    const ignored = await box.sh("true", (spec) => {
      limited(spec);
      spec.annotations = { "org.brun.cgroup.limits": "ignore" };
    });
    check(ignored, 0);
  });

  test("pause says how to get a cgroup", async () => {
    await using box = new Sandbox(user);
    const id = await box.detached();
    expect((await box.call(["pause", id])).stderr).toContain("create it with a limit or a cgroupsPath");
  });
});

describe.skipIf(pureCgroup2 || callers().length < 2)("a user with a delegated cgroup", () => {
  test("limits, pause and update work below it", async () => {
    const top = `${MOUNT}/unified/brun-test-${process.pid}`;
    mkdirSync(`${top}/me`, { recursive: true });
    try {
      Bun.spawnSync(["chown", "-R", `${user.caller.uid}`, top]);
      const prefix = [...v2View(`brun-test-${process.pid}/me`), ...user.caller.prefix];
      await using box = new Sandbox({ ...user, caller: { ...user.caller, prefix } });
      const id = box.name();
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sleep", "100"];
      });
      await box.ok(["run", "--detach", "--bundle", bundle, id], { globals: ["--cgroup-manager=cgroupfs"] });
      expect(readdirSync(top)).toContain(id);
      await box.ok(["pause", id]);
      expect((await box.inspect(id)).status).toBe("paused");
      await box.ok(["resume", id]);
      expect(await box.ok(["exec", id, "sh", "-c", "grep ^0:: /proc/self/cgroup"])).toBe("0::/\n");
      await box.ok(["delete", "--force", id]);
      expect(existsSync(`${top}/${id}`)).toBe(false);

      const created = box.name();
      const mounted = box.bundle((spec) => {
        spec.mounts!.push({ destination: "/cgroup", type: "cgroup", source: "cgroup" });
      });
      await box.ok(["create", "--bundle", mounted, created], { globals: ["--cgroup-manager=cgroupfs"] });
      const { pid } = await box.inspect(created);
      const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
      expect(open.filter((path) => path.includes("cgroup"))).toEqual([]);

      // Nothing asks for a cgroup but who manages the container, as podman does.
      const plain = await box.detached();
      expect(readdirSync(top)).not.toContain(plain);
      const managed = await box.detached((spec) => {
        spec.annotations = { "io.container.manager": "libpod" };
      });
      expect(readdirSync(top)).toContain(managed);
      await box.ok(["pause", managed]);
      await box.ok(["resume", managed]);
      // From a cgroup out of which the user may not move a process, as that of another login session.
      const outside = [...v2View(), ...user.caller.prefix, brunPath()];
      const argv = [...outside, "--root", box.state, "exec", managed, "echo", "in"];
      const exec = Bun.spawnSync(argv, { env: box.env, cwd: box.dir, stdin: "ignore" });
      expect(`${exec.stdout}${exec.stderr}`).toBe("in\n");
      await box.ok(["delete", "--force", managed]);
      expect(readdirSync(top)).not.toContain(managed);
    } finally {
      rmdirSync(`${top}/me`);
      rmdirSync(top);
    }
  });
});

describe.skipIf(!isRoot || pureCgroup2)("root where nothing keeps rules for devices", () => {
  const root: Subject = { ...user, caller: callers().at(-1)!, label: "root" };
  const hybrid = `umount -R /sys/fs/cgroup && mount -t tmpfs none /sys/fs/cgroup && mkdir /sys/fs/cgroup/systemd &&
    mount -t cgroup -o none,name=systemd none /sys/fs/cgroup/systemd && exec "$@"`;
  const under = ["unshare", "--mount", "--propagation=private", "sh", "-c", hybrid, "sh"];

  test("a program that may make device nodes, or use one in part, is refused; others are told once", async () => {
    await using box = new Sandbox(root);
    const all = { allow: false, access: "rwm" };
    const refused: ((spec: TestSpec) => void)[] = [
      (spec) => spec.process.capabilities!.bounding!.push("CAP_MKNOD"),
      limits({ devices: [all, { allow: true, type: "c", major: 1, minor: 11, access: "r" }] }),
      limits({ devices: [{ ...all, type: "c", major: 1, minor: 11 }] }),
    ];
    for (const edit of refused) {
      const { code, stderr } = await box.sh("true", edit, { under });
      expect({ code, stderr }).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("no devices controller"),
      });
    }
    const goesOn = limits({
      devices: [all, { allow: true, type: "c", major: 10, minor: 200, access: "rwm" }],
    });
    const said =
      "brun: warning: linux.resources.devices: not kept, and the program may make no device nodes: ";
    for (const warning of [said, ""]) {
      const { code, stderr } = await box.sh("true", goesOn, { under });
      expect(code).toBe(0);
      expect(stderr.slice(0, said.length)).toBe(warning);
    }
  });
});
