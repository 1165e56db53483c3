/** Fields of `linux` that a process can see: time, labels that this kernel may lack. */
import { describe, expect, test } from "bun:test";
import { readFileSync, readlinkSync } from "node:fs";
import { testUser } from "../support/caller.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { mapManyIds, type TestSpec } from "../support/spec.ts";

const enabled = (path: string): boolean => {
  try {
    return readFileSync(path, "utf8").startsWith("Y");
  } catch {
    return false;
  }
};

for (const subject of subjects()) {
  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    test("masked and read-only paths that are relative start at the root, empty ones name nothing", async () => {
      await using box = new Sandbox(subject);
      const { stdout, stderr } = await box.sh("cat /etc/passwd; touch /tmp/a 2>&1; ls /", (spec) => {
        spec.root.readonly = false;
        spec.linux.maskedPaths = ["etc/passwd", ""];
        spec.linux.readonlyPaths = ["tmp", ""];
      });
      expect(stderr).toBe("");
      expect(stdout).toStartWith("touch: /tmp/a: Read-only file system\nbin\n");
    });

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

    if (subject.runtime === "brun") {
      test.each(["root inside is the caller's first id", "root inside is another id"])(
        "linux.timeOffsets in the user namespace of another container: %s",
        async (which) => {
          await using box = new Sandbox(subject);
          const map = (spec: TestSpec): void => {
            mapManyIds(spec, subject.caller);
            if (which.includes("first") || subject.caller.name === "root") return;
            for (const ids of [spec.linux.uidMappings!, spec.linux.gidMappings!]) {
              ids[0]!.containerID = 1000;
              ids[1]!.containerID = 0;
              ids[1]!.size = 1000;
            }
          };
          const first = await box.detached((spec) => {
            map(spec);
            spec.process.args = ["/bin/sleep", "1000"];
          });
          const { pid } = await box.inspect(first);
          const edit = (spec: TestSpec): void => {
            // Who is root inside owns the root file system; there are no maps where one joins.
            map(spec);
            spec.mounts = spec.mounts.filter(({ type }) => type !== "cgroup");
            const { namespaces } = spec.linux;
            namespaces.find(({ type }) => type === "user")!.path = `/proc/${pid}/ns/user`;
            namespaces.push({ type: "time" });
            Object.assign(spec.linux, { timeOffsets: { monotonic: { secs: 500 }, boottime: { secs: 7 } } });
          };
          const outcome = await box.sh("tr -s ' ' </proc/self/timens_offsets", edit);
          expect(outcome).toMatchObject({ stdout: "monotonic 500 0\nboottime 7 0\n", stderr: "" });
        },
      );
    }

    if (subject.runtime === "brun" && subject.caller.name === "root") {
      test("root joins a user namespace of a user's that denies setgroups, with clocks of its own", async () => {
        await using owner = new Sandbox({ ...subject, caller: testUser() });
        const { pid } = await owner.inspect(await owner.detached());
        await using box = new Sandbox(subject);
        const id = box.name();
        const bundle = box.bundle((spec) => {
          spec.mounts = spec.mounts.filter(({ type }) => type !== "cgroup" && type !== "devpts");
          spec.linux.namespaces.push({ type: "user", path: `/proc/${pid}/ns/user` }, { type: "time" });
          Object.assign(spec.linux, { timeOffsets: { monotonic: { secs: 500 } } });
          spec.process.args = ["/bin/sleep", "1000"];
        });
        const { uid, gid } = testUser();
        Bun.spawnSync(["chown", "-hR", `${uid}:${gid}`, `${bundle}/rootfs`]);
        const withGroup = ["setpriv", "--groups", "4711", "--"];
        const call = (args: string[]) => {
          const child = Bun.spawnSync([...withGroup, ...box.argv(args)], {
            env: box.env,
            stdio: ["ignore", "pipe", "pipe"],
          });
          return { stdout: child.stdout.toString(), stderr: child.stderr.toString() };
        };
        const errors = `${box.dir}/err`;
        const run = [...withGroup, ...box.argv(["run", "--detach", "--bundle", bundle, id])];
        Bun.spawnSync(["sh", "-c", 'exec "$@" >/dev/null 2>"$0"', errors, ...run], { env: box.env });
        expect(readFileSync(errors, "utf8")).toBe("");
        const groups = (status: string) => status.match(/^Groups:(.*)$/m)![1]!.trim();
        expect(groups(readFileSync(`/proc/${(await box.inspect(id)).pid}/status`, "utf8"))).toBe("");
        const exec = call(["exec", id, "/bin/sh", "-c", "cat /proc/self/status /proc/self/timens_offsets"]);
        expect(exec.stderr).toBe("");
        expect(exec.stdout).toMatch(/monotonic +500 +0/);
        expect(groups(exec.stdout)).toBe("");
      });
    }

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
