/** `brun explain`: says what run would do, and does nothing. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { subordinateRange } from "./support/caller.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import type { TestSpec } from "./support/spec.ts";

/** A spec written for root, with a seccomp filter and a hook. */
function forRoot(spec: TestSpec): void {
  spec.linux.namespaces = ["pid", "ipc", "uts", "mount"].map((type) => ({ type }));
  delete spec.linux.uidMappings;
  delete spec.linux.gidMappings;
  spec.mounts = spec.mounts.filter(({ destination }) => !destination.startsWith("/sys"));
  spec.mounts.push({ destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "ro"] });
  spec.hooks = { createRuntime: [{ path: "/bin/false" }] };
  spec.linux.seccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["swapon"], action: "SCMP_ACT_ERRNO" }],
  };
}

for (const subject of subjects(["brun"])) {
  const { uid } = subject.caller;
  describe(subject.label, () => {
    test("steps with their config paths; nothing is made, no hook runs", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle(forRoot);
      const before = readdirSync(bundle, { recursive: true });
      const globals = ["--cgroup-manager=auto"];
      const text = await box.ok(["explain", "--bundle", bundle, "--syscalls", "web"], { globals });
      expect(text).toContain(`web of ${bundle}/config.json`);
      expect(text).toMatch(/^ {2}mounts\[0\] +mount proc on \/proc$/m);
      expect(text).toMatch(/^ +\d+ {2}mount\("proc", <fd path>, "proc", 0, null\)/m);
      expect(text).toMatch(/^ {2}a filter of \d+ instructions$/m);
      expect(text).toMatch(/^Program finish: /m);
      expect(text).not.toContain("\x1b");
      if (uid !== 0) {
        const [first, count] = subordinateRange(subject.caller, "/etc/subuid");
        expect(text).toMatch(new RegExp(`^  uid +0 +${uid} +1 +the caller$`, "m"));
        expect(text).toMatch(new RegExp(`^ +1 +${first} +${count} +/etc/subuid:\\d+$`, "m"));
        expect(text).toMatch(/^ {2}linux.namespaces +add a user namespace: the caller is not root$/m);
        expect(text).toContain("bind /sys instead of mounting sysfs: sysfs needs a network namespace");
        expect(text).toContain("the caller's own: the spec asks for no limit and no cgroupsPath");
      }
      expect(readdirSync(bundle, { recursive: true })).toEqual(before);
      expect(existsSync(box.state)).toBe(false);
      await box.untilGone();
    });

    test("--json has the same, for programs", async () => {
      await using box = new Sandbox(subject);
      const explained = JSON.parse(await box.ok(["explain", "--bundle", box.bundle(), "--json"]));
      expect(explained).toMatchObject({ caller: { uid }, warnings: [] });
      expect(explained.programs.map(({ name }: { name: string }) => name.split(":")[0])).toEqual([
        "enter",
        "build",
        "finish",
      ]);
      const steps = explained.programs.flatMap(({ steps }: { steps: object[] }) => steps);
      expect(steps.at(-1)).toMatchObject({ where: "process.args[0]", doing: 'execute "/bin/true"' });
      if (uid === 0) expect(explained.idMaps).toBeNull();
      else {
        expect(explained.idMaps.uid).toEqual([
          { containerId: 0, hostId: uid, size: 1, origin: "config.json" },
        ]);
        expect(explained.idMaps).toMatchObject({ writtenBy: "the process itself", setgroups: false });
      }
    });

    test("--diff against the given config", async () => {
      await using box = new Sandbox(subject);
      const diff = await box.ok(["explain", "--diff", "--bundle", box.bundle(forRoot)]);
      if (uid === 0) return expect(diff).toBe("");
      expect(diff).toStartWith("--- ");
      expect(diff).toContain('\n-      "type": "sysfs",\n');
      expect(diff).toContain('\n+        "type": "user"\n');
    });

    test("what run would refuse is refused in the same words", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.root.path = "nowhere";
      });
      const [explained, ran] = [
        await box.call(["explain", "-b", bundle]),
        await box.call(["run", "-b", bundle, "x"]),
      ];
      expect(explained).toEqual(ran);
      expect(explained.code).toBe(1);
    });

    test("the flags of a container without a bundle", async () => {
      await using box = new Sandbox(subject);
      const flags = ["--host", "--network", "none", "--tmpfs", "/opt", "--", "true"];
      const text = await box.ok(["explain", ...flags]);
      expect(text).toMatch(/^ {2}host-[0-9a-f]{6} of the flags$/m);
      expect(text).toMatch(/^ {2}mounts\[0\] +mount tmpfs on \/$/m);
      expect(text).toMatch(/ mount overlay on \/etc$/m);
      expect(text).toMatch(/^ {2}process.args\[0\] +execute "true"$/m);
      const explained = JSON.parse(await box.ok(["explain", "--json", ...flags]));
      expect(explained.namespaces).toContainEqual({ type: "network" });
      expect(existsSync(box.state)).toBe(false);
    });

    test("NOTIFY_SOCKET counts as for run, and nothing is made", async () => {
      await using box = new Sandbox(subject);
      const env = { NOTIFY_SOCKET: `${box.dir}/notify` };
      const text = await box.ok(["explain", "--bundle", box.bundle(), "web"], { env });
      expect(text).toContain(`bind ${box.state}/web/notify on /run/notify`);
      expect(existsSync(box.state)).toBe(false);
    });

    test("--explain-error: the step with its neighbours, the config, the mapping", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.mounts.push({ destination: "/mnt", type: "nosuchfs", source: "none" });
      });
      for (const command of ["run", "create"]) {
        const plain = await box.call([command, "--bundle", bundle, box.name()]);
        const { stderr, code, stdout } = await box.call([
          command,
          "--explain-error",
          "--bundle",
          bundle,
          box.name(),
        ]);
        expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
        expect(stderr).toStartWith(plain.stderr);
        expect(stderr).toMatch(/^ {2}program build: .*, step \d+ of \d+$/m);
        expect(stderr).toMatch(
          /^ {2}→ mounts\[\d+\] +mount nosuchfs on \/mnt\n +mount\("none", .*"nosuchfs"/m,
        );
        expect(stderr).toContain(`${bundle}/config.json, root file system ${bundle}/rootfs`);
        if (uid !== 0) expect(stderr).toMatch(new RegExp(`^  uid +0 +${uid} +1 +config.json$`, "m"));
      }
      const missing = await box.call(["run", "--explain-error", "--bundle", box.dir, "x"]);
      expect(missing.stderr).toContain("before the container's process was started");
      const host = await box.call([
        "run",
        "--host",
        "--explain-error",
        "--tmpfs",
        "/x:nosuchoption=1",
        "--",
        "true",
      ]);
      expect(host.stderr).toStartWith("brun: --tmpfs /x:nosuchoption=1: cannot mount tmpfs on /x: ");
      expect(host.stderr).toMatch(/^ {2}→ mounts\[\d+\] +mount tmpfs on \/x$/m);
      const both = await box.call(["run", "--explain-error", "--host", "--rootfs", "/", "--", "true"]);
      expect(both.stderr).toContain("Where it failed");
      const limited = ["--host", "--memory", "64m", "--", "true"];
      const refused = (await box.call(["run", ...limited])).stderr;
      expect((await box.call(["explain", ...limited])).stderr).toBe(refused);
    });
  });
}
