/** Fewer ids, or fewer rights, rather than no container: where newuidmap cannot work, and root of something smaller. */
import { describe, expect, test } from "bun:test";
import { subordinateRange } from "./support/caller.ts";
import { subjects } from "./support/runtime.ts";
import { type CallOptions, type Outcome, Sandbox } from "./support/sandbox.ts";
import { baseSpec, type TestSpec } from "./support/spec.ts";

/** A config for root, as engines write it: without mappings, with what only root may do. */
function forRoot(edit: (spec: TestSpec) => void = () => undefined): (spec: TestSpec) => void {
  return (spec) => {
    const { args, env } = spec.process;
    Object.assign(spec, baseSpec({ name: "root", user: "root", uid: 0, gid: 0, home: "/root", prefix: [] }));
    Object.assign(spec.process, { args, env });
    edit(spec);
  };
}

const MAP = "cat /proc/self/uid_map";
const numbers = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));

for (const subject of subjects(["brun"]).filter(({ caller }) => caller.name === "user")) {
  const { uid } = subject.caller;
  describe(`${subject.label}: fewer ids`, () => {
    const NO_NEW_PRIVS = ["setpriv", "--no-new-privs"];
    const nowhere = { "/dev/null": "/usr/bin/newuidmap" };

    test("under no_new_privs the caller alone is mapped, which is said once", async () => {
      await using box = new Sandbox(subject);
      const run = () => box.sh(MAP, forRoot(), { under: NO_NEW_PRIVS });
      const [first, second] = [await run(), await run()];
      expect(numbers(first.stdout)).toEqual([[0, uid, 1]]);
      expect(first.stderr).toMatch(/^brun: warning: --userns=auto: map one id: .*no_new_privs.*\n$/);
      expect(second).toMatchObject({ code: 0, stdout: first.stdout, stderr: "" });
    });

    test("a process that is not the container's root needs the ids: the reason is an error", async () => {
      await using box = new Sandbox(subject);
      const other = forRoot((spec) => {
        spec.process.user = { uid: 1000, gid: 1000 };
      });
      const { code, stderr } = await box.sh("id", other, { under: NO_NEW_PRIVS });
      expect(code).toBe(1);
      expect(stderr).toContain("no_new_privs");
      await box.untilGone();
    });

    test("--userns chooses", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        forRoot()(spec);
        spec.process.args = ["/bin/sh", "-c", MAP];
      });
      const run = (mode: string, options: CallOptions = {}): Promise<Outcome> =>
        box.call(["run", "--bundle", bundle, "--userns", mode, box.name()], options);
      const [first] = subordinateRange(subject.caller, "/etc/subuid");
      expect(numbers((await run("single")).stdout)).toEqual([[0, uid, 1]]);
      expect(numbers((await run("range")).stdout).slice(0, 2)).toEqual([
        [0, uid, 1],
        [1, first, 65536],
      ]);
      expect(numbers((await run("keep-id")).stdout).slice(0, 2)).toEqual([
        [0, first, uid],
        [uid, uid, 1],
      ]);
      const refused = await run("range", { under: NO_NEW_PRIVS });
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(/^brun: --userns=range: .*no_new_privs.*hint: --userns=single.*\n$/);
      expect((await run("all")).stderr).toContain("expected auto, single, range, keep-id");
    });

    test("--userns of containers without a bundle", async () => {
      await using box = new Sandbox(subject);
      const rootfs = `${box.bundle()}/rootfs`;
      const run = async (...flags: string[]) =>
        numbers((await box.call(["run", ...flags, "--", "cat", "/proc/self/uid_map"])).stdout);
      const [first] = subordinateRange(subject.caller, "/etc/subuid");
      const kept = [
        [0, first, uid],
        [uid, uid, 1],
      ];
      expect(await run("--host")).toEqual([[uid, uid, 1]]);
      expect((await run("--host", "--userns=keep-id")).slice(0, 2)).toEqual(kept);
      expect((await run("--rootfs", rootfs, "--userns=keep-id")).slice(0, 2)).toEqual(kept);
      expect(await run("--rootfs", rootfs, "--userns=single")).toEqual([[0, uid, 1]]);
      const other = await box.call(["run", "--host", "--userns=single", "-u", "1", "--", "true"]);
      expect([other.code, other.stderr]).toEqual([
        1,
        expect.stringContaining("--user can only be you, or root"),
      ]);
    });

    test("brun unshare, inside bwrap and without newuidmap", async () => {
      await using box = new Sandbox(subject);
      const alone = await box.call(["unshare", "cat", "/proc/self/uid_map"], { under: NO_NEW_PRIVS });
      expect(numbers(alone.stdout)).toEqual([[0, uid, 1]]);
      if (Bun.which("bwrap") !== null) {
        const around = ["bwrap", "--dev-bind", "/", "/", "--unshare-user"];
        expect(numbers((await box.sh(MAP, forRoot(), { around })).stdout)).toEqual([[0, uid, 1]]);
      }
      const { stdout } = await box.sh(MAP, forRoot(), process.getuid?.() === 0 ? { binds: nowhere } : {});
      expect(numbers(stdout)[0]).toEqual([0, uid, 1]);
    });

    test("root of a user namespace with one id: a mount's gid that is not there is left out", async () => {
      await using box = new Sandbox(subject);
      const devpts = forRoot((spec) => {
        const mount = spec.mounts.find(({ type }) => type === "devpts")!;
        mount.options = [...(mount.options ?? []), "gid=5"];
      });
      const around = ["unshare", "--user", "--map-root-user"];
      const { code, stdout, stderr } = await box.sh("stat -c %t /dev/ptmx && echo here", devpts, { around });
      expect([code, stdout.trim().split("\n").at(-1), stderr]).toEqual([0, "here", ""]);
    });
  });
}

for (const subject of subjects(["brun"]).filter(({ caller }) => caller.name === "root")) {
  describe(`${subject.label}: root of something smaller`, () => {
    test("--userns is refused where no user namespace is made", async () => {
      await using box = new Sandbox(subject);
      const { code, stderr } = await box.call(["run", "--host", "--userns=single", "--", "true"]);
      expect([code, stderr]).toEqual([1, expect.stringContaining("gets no new user namespace")]);
    });

    test("without capabilities that it takes there is a user namespace with root's ids, for exec too", async () => {
      await using box = new Sandbox(subject);
      const under = ["setpriv", "--bounding-set=-sys_admin,-net_admin", "--inh-caps=-all"];
      const { code, stdout, stderr } = await box.sh("id -u; readlink /proc/self/ns/user", forRoot(), {
        under,
      });
      expect([code, stderr]).toEqual([0, ""]);
      const [id, namespace] = stdout.trim().split("\n");
      expect(id).toBe("0");
      expect(namespace).not.toBe("user:[4026531837]");
      const container = box.name();
      const bundle = box.bundle((spec) => {
        forRoot()(spec);
        spec.process.args = ["sleep", "60"];
      });
      expect((await box.call(["run", "-d", "--bundle", bundle, container], { under })).code).toBe(0);
      const exec = await box.call(["exec", container, "sh", "-c", "id -u"], { under });
      expect(exec).toMatchObject({ code: 0, stdout: "0\n" });
      expect((await box.call(["delete", "--force", container], { under })).code).toBe(0);
    });

    test("cgroups that are read-only or missing are no error while nothing is asked of them", async () => {
      await using box = new Sandbox(subject);
      const without = ["unshare", "-m", "sh", "-c", 'umount -R /sys/fs/cgroup; exec "$@"', "sh"];
      const closed =
        'for each in /sys/fs/cgroup/* /sys/fs/cgroup; do mount -o remount,bind,ro "$each" 2>/dev/null || :; done; exec "$@"';
      for (const under of [without, ["unshare", "-m", "sh", "-c", closed, "sh"]]) {
        // That the rules for devices cannot be kept is told once.
        const first = await box.sh("echo here", forRoot(), { under });
        expect(first.stderr).toMatch(/^(|brun: warning: linux\.resources\.devices: not kept, .*\n)$/);
        expect(await box.sh("echo here", forRoot(), { under })).toMatchObject({
          code: 0,
          stdout: "here\n",
          stderr: "",
        });
        const limited = await box.sh(
          "true",
          forRoot((spec) => {
            spec.linux.resources = { pids: { limit: 10 } };
          }),
          { under },
        );
        expect(limited.code).toBe(1);
        expect(limited.stderr).toMatch(/cgroup/);
        const doctor = await box.call(["doctor"], { under });
        expect(doctor.stdout).toMatch(/⚠ cgroup-delegation +no cgroup can be made/);
      }
    });
  });
}
