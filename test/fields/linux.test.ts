/** Fields of `linux` that a process can see: time, labels that this kernel may lack. */
import { describe, expect, test } from "bun:test";
import { readFileSync, readlinkSync } from "node:fs";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";

const enabled = (path: string): boolean => {
  try {
    return readFileSync(path, "utf8").startsWith("Y");
  } catch {
    return false;
  }
};

for (const subject of subjects()) {
  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    test("linux.timeOffsets shift the clocks, also for exec", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached((spec) => {
        spec.linux.namespaces.push({ type: "time" });
        const timeOffsets = { monotonic: { secs: 500, nanosecs: 5 }, boottime: { secs: 7_000_000 } };
        Object.assign(spec.linux, { timeOffsets });
      });
      const script = "cut -d. -f1 /proc/uptime; cat /proc/self/timens_offsets; readlink /proc/self/ns/time";
      const { stdout, stderr } = await box.exec(id, script);
      expect(stderr).toBe("");
      const [uptime, monotonic, boottime, namespace] = stdout.split("\n");
      const host = Number(readFileSync("/proc/uptime", "utf8").split(".")[0]);
      expect(Number(uptime) - host).toBeWithin(6_999_000, 7_001_000);
      expect(monotonic).toMatch(/^monotonic +500 +5$/);
      expect(boottime).toMatch(/^boottime +7000000 +0$/);
      expect(namespace).not.toBe(readlinkSync("/proc/self/ns/time"));
    });

    test("a time namespace without offsets", async () => {
      await using box = new Sandbox(subject);
      const script = "readlink /proc/self/ns/time; readlink /proc/self/ns/time_for_children";
      const { stdout, stderr } = await box.sh(script, (spec) => {
        spec.linux.namespaces.push({ type: "time" });
      });
      expect(stderr).toBe("");
      const [own, children] = stdout.split("\n");
      expect(own).not.toBe(readlinkSync("/proc/self/ns/time"));
      expect(own).toBe(children!);
    });

    if (subject.runtime === "brun" && !enabled("/sys/module/apparmor/parameters/enabled")) {
      test("process.apparmorProfile without AppArmor is refused, by exec too", async () => {
        await using box = new Sandbox(subject);
        const outcome = await box.sh("true", (spec) => {
          Object.assign(spec.process, { apparmorProfile: "docker-default" });
        });
        expect(outcome.code).toBe(1);
        expect(outcome.stderr).toContain(
          "process.apparmorProfile: the profile docker-default needs AppArmor",
        );
        const id = await box.detached();
        const exec = await box.exec(id, "true", ["--apparmor", "docker-default"]);
        expect(exec.code).toBe(255);
        expect(exec.stderr).toContain("needs AppArmor");
      });
    }

    if (subject.runtime === "brun") {
      test.each(["process.selinuxLabel", "linux.mountLabel"])(
        "%s without SELinux is refused",
        async (field) => {
          await using box = new Sandbox(subject);
          const label = "system_u:system_r:container_t:s0";
          const outcome = await box.sh("true", (spec) => {
            if (field.startsWith("process")) Object.assign(spec.process, { selinuxLabel: label });
            else Object.assign(spec.linux, { mountLabel: label });
          });
          expect(outcome.code).toBe(1);
          expect(outcome.stderr).toContain(`${field}: the label ${label} needs SELinux`);
        },
      );
    }
  });
}
