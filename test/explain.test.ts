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
      const text = await box.ok(["explain", "--bundle", bundle, "--syscalls", "web"]);
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
  });
}
