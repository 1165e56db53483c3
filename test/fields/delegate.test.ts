/** Annotation run.oci.delegate-cgroup: a part of its cgroup that a container manages, with the limits above it. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { type Caller, callers, testRoot, testUser } from "../support/caller.ts";
import { UNIFIED, v2View } from "../support/cgroups.ts";
import { pureCgroup2, type Subject } from "../support/runtime.ts";
import { type Outcome, Sandbox } from "../support/sandbox.ts";
import { mapManyIds, type TestSpec } from "../support/spec.ts";

const ANNOTATION = "run.oci.delegate-cgroup";
const CGROUP = "/sys/fs/cgroup";

const sandbox = (caller: Subject["caller"], prefix: readonly string[]): Sandbox =>
  new Sandbox({
    runtime: "brun",
    caller: { ...caller, prefix: [...prefix, ...caller.prefix] },
    label: "",
    unavailable: undefined,
  });

/** A cgroup mount that may be written to, and a part to manage. */
function delegating(spec: TestSpec, part = "part"): void {
  spec.mounts = spec.mounts.filter((mount) => mount.destination !== CGROUP);
  spec.mounts.push({ destination: CGROUP, type: "cgroup", source: "cgroup", options: ["rw", "nosuid"] });
  spec.annotations = { [ANNOTATION]: part };
}

const own = (pid: number): string => /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8"))![1]!;

/** Checks a container whose processes are in `part` of a cgroup, from both sides, and removes it. */
async function check(box: Sandbox, id: string, part: string): Promise<void> {
  const { pid } = await box.inspect(id);
  expect(own(pid)).toEndWith(`/${id}/${part}`);
  const directory = `${UNIFIED}${own(pid).slice(0, -part.length - 1)}`;
  // The cgroup namespace begins where the limits are; a process of exec is in the part, too.
  const inside = `
    grep ^0:: /proc/self/cgroup
    cd ${CGROUP}/${part} && mkdir mine && sh -c 'echo 0 >mine/cgroup.procs && grep ^0:: /proc/self/cgroup'`;
  expect(await box.exec(id, inside)).toMatchObject({
    code: 0,
    stderr: "",
    stdout: `0::/${part}\n0::/${part}/mine\n`,
  });
  // Controllers are there for it to use.
  const available = (at: string) => readFileSync(`${at}/cgroup.controllers`, "utf8");
  expect(available(`${directory}/${part}`)).toBe(available(directory));

  await box.ok(["pause", id]);
  expect((await box.inspect(id)).status).toBe("paused");
  expect(readFileSync(`${directory}/${part}/cgroup.events`, "utf8")).toContain("frozen 1");
  await box.ok(["resume", id]);
  expect(JSON.parse(await box.ok(["ps", "--format", "json", id]))).toContain(pid);
  const { data } = JSON.parse(await box.ok(["events", "--stats", id]));
  expect(data.cpu.usage.total).toBeGreaterThan(0);
  await box.ok(["kill", "--all", id, "KILL"]);
  await box.untilStatus(id, "stopped");
  await box.ok(["delete", id]);
  await box.untilGone(id);
}

const listed = `${UNIFIED}/cgroup.controllers`;
const controllers = existsSync(listed) ? readFileSync(listed, "utf8") : null;

describe.skipIf(testRoot() === undefined || controllers === null)("root on cgroup v2", () => {
  const view = pureCgroup2 ? [] : v2View();

  test("the container's processes are in the part, and what acts on the container reaches them", async () => {
    await using box = sandbox(testRoot()!, view);
    await check(box, await box.detached((spec) => delegating(spec)), "part");
    await check(box, await box.detached((spec) => delegating(spec, "/a/./b/")), "a/b");
  });

  test("root of a user namespace owns the part, and nothing above it", async () => {
    await using box = sandbox(testRoot()!, view);
    const id = await box.detached((spec) => {
      delegating(spec);
      mapManyIds(spec, testRoot()!);
    });
    const owners = await box.exec(id, `cd ${CGROUP} && stat -c '%u %g %n' . part part/cgroup.procs`);
    expect(owners.stdout).toBe("65534 65534 .\n0 0 part\n0 0 part/cgroup.procs\n");
    const above = await box.exec(id, `echo 0 >${CGROUP}/cgroup.procs; mkdir ${CGROUP}/mine`);
    expect(above.stderr).toContain("can't create /sys/fs/cgroup/cgroup.procs: Permission denied");
    expect(above.stderr).toContain("can't create directory '/sys/fs/cgroup/mine': Permission denied");
    await check(box, id, "part");
  });

  test("the user namespace of another container is looked at for its root", async () => {
    await using box = sandbox(testRoot()!, view);
    const first = await box.detached((spec) => mapManyIds(spec, testRoot()!));
    const { pid } = await box.inspect(first);
    const id = await box.detached((spec) => {
      delegating(spec);
      spec.linux.namespaces.push({ type: "user", path: `/proc/${pid}/ns/user` });
    });
    expect((await box.exec(id, `stat -c '%u %g' ${CGROUP}/part`)).stdout).toBe("0 0\n");
  });

  test.skipIf(controllers?.includes("hugetlb") !== true)(
    "limits are those of the cgroup above, also after update",
    async () => {
      await using box = sandbox(testRoot()!, view);
      const id = await box.detached((spec) => {
        delegating(spec);
        spec.linux.resources = { unified: { "hugetlb.2MB.max": "4194304" } };
      });
      const { pid } = await box.inspect(id);
      const limit = (path: string) => Number(readFileSync(`${UNIFIED}${path}/hugetlb.2MB.max`, "utf8"));
      const above = own(pid).slice(0, -"/part".length);
      expect(limit(above)).toBe(4194304);
      expect(limit(own(pid))).toBeGreaterThan(2 ** 62);
      const resources = box.file("resources.json", '{"unified":{"hugetlb.2MB.max":"2097152"}}');
      await box.ok(["update", "--resources", resources, id]);
      expect(limit(above)).toBe(2097152);
      expect(limit(own(pid))).toBeGreaterThan(2 ** 62);
    },
  );

  test.skipIf(controllers?.includes("hugetlb") !== true)(
    "a program that makes namespaces (--allow-nesting) is below the cgroup with its limits",
    async () => {
      await using box = sandbox(testRoot()!, view);
      const id = await box.detached((spec) => {
        spec.annotations = { "org.brun.nesting": "true" };
        spec.linux.resources = { unified: { "hugetlb.2MB.max": "4194304" } };
      });
      const at = own((await box.inspect(id)).pid);
      expect(at).toEndWith(`/${id}/program`);
      const limit = (path: string) => readFileSync(`${UNIFIED}${path}/hugetlb.2MB.max`, "utf8").trim();
      expect(limit(at.slice(0, -"/program".length))).toBe("4194304");
      // One of its own would begin here.
      const { stdout } = await box.exec(id, "grep ^0:: /proc/self/cgroup");
      expect(stdout).toBe("0::/program\n");
    },
  );

  test("a program that has ended leaves nothing, without another brun", async () => {
    await using box = sandbox(testRoot()!, view);
    const bundle = box.bundle((spec) => {
      delegating(spec, "a/b");
      spec.process.args = ["/bin/grep", "0::/a/b", "/proc/self/cgroup"];
    });
    const id = box.name();
    expect(await box.ok(["run", "--bundle", bundle, id])).toBe("0::/a/b\n");
    expect(box.leftovers(id)).toEqual([]);
  });

  test("what cannot be a cgroup is refused, and leaves nothing", async () => {
    await using box = sandbox(testRoot()!, view);
    const outcome = await box.sh("true", (spec) => delegating(spec, "cgroup.procs"));
    expect(outcome).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`annotations["${ANNOTATION}"]`),
    });
  });
});

describe.skipIf(callers().length < 2 || controllers === null)("a user with a delegated cgroup", () => {
  /** Makes a cgroup that is the user's, and takes it away when what is done in it has ended. */
  async function inDelegated(use: (box: Sandbox, user: Caller, top: string) => Promise<void>): Promise<void> {
    const name = `brun-test-delegate-${process.pid}`;
    const top = `${UNIFIED}/${name}`;
    const user = testUser();
    mkdirSync(`${top}/me`, { recursive: true });
    try {
      Bun.spawnSync(["chown", "-R", `${user.uid}`, top]);
      await using box = sandbox(user, v2View(`${name}/me`));
      await use(box, user, top);
    } finally {
      rmdirSync(`${top}/me`);
      rmdirSync(top);
    }
  }

  test("a program that makes namespaces (--allow-nesting) cannot mount the caller's", async () => {
    await inDelegated(async (box) => {
      const attack = `mount -t cgroup2 none /mnt && ls /mnt/cgroup.kill && echo 1 >/mnt/cgroup.kill`;
      const nested = `unshare -UrmC sh -c '${attack}'`;
      const script = `sleep 60 & "$@" run --host --allow-nesting -- sh -c "${nested}"; kill $! && echo unharmed`;
      const outcome = await box.call([], { around: ["sh", "-c", script, "sh"] });
      expect(outcome).toMatchObject({ code: 0, stdout: "/mnt/cgroup.kill\nunharmed\n" });
    });
  });

  test("has it below that one", async () => {
    await inDelegated(async (box, user, top) => {
      // Nothing else asks for a cgroup.
      const id = await box.detached((spec) => delegating(spec));
      expect(readdirSync(top)).toContain(id);
      await check(box, id, "part");
      // The container's root is not the caller, who cannot give its files away.
      const other = await box.sh("true", (spec) => {
        delegating(spec);
        mapManyIds(spec, user);
        const { uidMappings, gidMappings } = spec.linux;
        for (const maps of [uidMappings!, gidMappings!]) maps.splice(0, maps.length, maps[1]!);
        for (const map of [uidMappings![0]!, gidMappings![0]!]) map.containerID = 0;
      });
      expect(other.code).toBe(1);
      expect(other.stderr).toContain(`annotations["${ANNOTATION}"]`);
      expect(other.stderr).toContain("is not the caller");
    });
  });
});

describe.skipIf(pureCgroup2)("where cgroup v1 is", () => {
  for (const caller of callers()) {
    const run = (box: Sandbox, globals: string[]): Promise<Outcome> =>
      box.sh(
        "echo ran",
        (spec) => {
          spec.annotations = { [ANNOTATION]: "part" };
        },
        { globals },
      );

    test(`${caller.name} is refused with the reason`, async () => {
      await using box = sandbox(caller, []);
      const { code, stderr } = await run(box, []);
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^brun: annotations\["run.oci.delegate-cgroup"\] (cannot be honoured|needs cgroup v2)/,
      );
      expect(stderr).toContain("this host has cgroup v1");
    });

    test(`${caller.name} runs without cgroups, with a warning`, async () => {
      await using box = sandbox(caller, []);
      expect(await run(box, ["--cgroup-manager=disabled"])).toMatchObject({
        code: 0,
        stdout: "ran\n",
        stderr: expect.stringContaining(`annotations["${ANNOTATION}"]: ignored, --cgroup-manager=disabled`),
      });
    });
  }
});
