/**
 * Root file systems made to mislead: /proc and /sys as symbolic links (CVE-2019-19921, CVE-2023-27561,
 * CVE-2023-28642), a /proc that is none (CVE-2019-16884, CVE-2025-52881), /dev/null and terminals of its own
 * (CVE-2025-31133, CVE-2025-52565, CVE-2026-88264, CVE-2026-88265), /dev and /etc that lead out (CVE-2026-41579,
 * CVE-2026-47766).
 */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { isRoot, ownedDir } from "../support/caller.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { mapManyIds, type TestSpec } from "../support/spec.ts";

for (const subject of subjects()) {
  const rootless = subject.caller.name === "user";

  /** A directory of the host that the caller may write, to lie in wait outside of the container. */
  const outside = (box: Sandbox): string => ownedDir(subject.caller, `${box.dir}/outside`);

  /** Replaces something in a root file system by a symbolic link. */
  const link = (bundle: string, name: string, target: string): void => {
    const path = `${bundle}/rootfs/${name}`;
    rmSync(path, { recursive: true, force: true });
    symlinkSync(target, path);
    if (isRoot) lchownSync(path, subject.caller.uid, subject.caller.gid);
  };

  /** Ways to write a link to a directory of the host. */
  const targets = (box: Sandbox): string[] => [
    outside(box),
    `../../../../../../..${outside(box)}`,
    "/proc/1/cwd",
    "/tmp",
  ];

  const script = (text: string) => (spec: TestSpec) => {
    spec.process.args = ["/bin/busybox", "sh", "-c", text];
  };

  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    for (const name of ["proc", "sys"]) {
      test(`/${name} that is a symbolic link is refused`, async () => {
        await using box = new Sandbox(subject);
        const bundle = box.bundle((spec) => {
          if (!rootless || name !== "sys") return;
          spec.linux.namespaces.push({ type: "network" });
          Object.assign(spec.mounts.find(({ destination }) => destination === "/sys")!, {
            type: "sysfs",
            source: "sysfs",
            options: ["ro"],
          });
        });
        for (const target of targets(box)) {
          const id = box.name();
          link(bundle, name, target);
          const { code, stderr } = await box.call(["run", "--bundle", bundle, id]);
          expect(`${target}: ${code}`).toBe(`${target}: 1`);
          expect(stderr).not.toBe("");
          expect(readdirSync(outside(box))).toEqual([]);
          await box.untilGone(id);
        }
      });
    }

    for (const name of ["dev", "etc", "dev/pts", "dev/shm", "dev/console", "run"]) {
      test(`/${name} that leads out: nothing is made or mounted outside`, async () => {
        await using box = new Sandbox(subject);
        const bundle = box.bundle((spec) => {
          script("cat /etc/passwd /dev/null >/dev/null; grep -c . /proc/self/mountinfo >/dev/null; echo ran")(
            spec,
          );
          // What is in the image's /dev counts when nothing is mounted over it.
          if (name.startsWith("dev/"))
            spec.mounts = spec.mounts.filter(({ destination }) => destination !== "/dev");
          spec.mounts.push({
            destination: "/run/made/here",
            type: "tmpfs",
            source: "tmpfs",
            options: ["mode=755"],
          });
          spec.mounts.push({
            destination: "/etc/hosts",
            type: "bind",
            source: "/etc/hostname",
            options: ["bind"],
          });
          spec.process.cwd = "/run/cwd";
        });
        for (const target of targets(box)) {
          link(bundle, name, target);
          const outcome = await box.call(["run", "--bundle", bundle, box.name()]);
          // Some of it cannot work, and then it says so; what never happens is that something is outside.
          expect(`${target}: ${outcome.code === 0 ? outcome.stdout : "refused\n"}`).toMatch(
            /: (ran|refused)\n$/,
          );
          expect(readdirSync(outside(box))).toEqual([]);
        }
      });
    }

    test("masks are made of the host's /dev/null, not of what the image has in its place", async () => {
      await using box = new Sandbox(subject);
      const check = "cat /secret; ls -ln /secret; head -c 4 /dev/null | wc -c; ls /hidden";
      const bundle = box.bundle((spec) => {
        script(check)(spec);
        spec.linux.maskedPaths = ["/secret", "/hidden"];
      });
      const rootfs = `${bundle}/rootfs`;
      writeFileSync(`${rootfs}/secret`, "secret\n");
      mkdirSync(`${rootfs}/hidden`);
      writeFileSync(`${rootfs}/hidden/secret`, "");
      link(bundle, "dev/null", "/secret");
      const { stdout } = await box.call(["run", "--bundle", bundle, box.name()]);
      expect(stdout).not.toContain("secret\nsecret");
      expect(stdout).toMatch(/^c.* 1, +3 .*\/secret\n0\n$/);
    });

    test("a volume on /proc, and one on what is written there, are not written to", async () => {
      await using box = new Sandbox(subject);
      for (const destination of ["/proc", "/proc/self/attr", "/proc/sys/net", "/proc/self/task/1/attr"]) {
        const volume = outside(box);
        for (const name of ["sys/net/ipv4", "self/attr/apparmor"])
          mkdirSync(`${volume}/${name}`, { recursive: true });
        const fakes = [
          "sys/net/ipv4/ip_forward",
          "self/attr/exec",
          "self/attr/apparmor/exec",
          "ipv4",
          "uid_map",
        ];
        for (const fake of fakes)
          if (!existsSync(`${volume}/${fake}`)) writeFileSync(`${volume}/${fake}`, "");
        const bundle = box.bundle((spec) => {
          script("echo ran")(spec);
          spec.linux.sysctl = { "net.ipv4.ip_forward": "1" };
          if (rootless) spec.linux.namespaces.push({ type: "network" });
          spec.mounts.push({ destination, type: "bind", source: volume, options: ["bind"] });
        });
        await box.call(["run", "--bundle", bundle, box.name()]);
        for (const fake of fakes) {
          if (fake === "ipv4") continue;
          expect(`${destination} ${fake}: ${await Bun.file(`${volume}/${fake}`).text()}`).toBe(
            `${destination} ${fake}: `,
          );
        }
        rmSync(volume, { recursive: true });
      }
    });

    if (subject.runtime === "brun") {
      test("a terminal's /dev/console that leads out: nothing is made or mounted outside", async () => {
        await using box = new Sandbox(subject);
        for (const target of targets(box)) {
          const bundle = box.bundle((spec) => {
            script("echo ran")(spec);
            spec.process.terminal = true;
            spec.mounts = spec.mounts.filter(({ destination }) => destination !== "/dev");
          });
          for (const name of ["dev/console", "dev/pts", "dev/shm", "dev/mqueue"]) {
            if (name !== "dev/console") mkdirSync(`${bundle}/rootfs/${name}`, { recursive: true });
            else link(bundle, name, `${target}/console`);
          }
          await using session = box.terminal(["run", "--bundle", bundle, box.name()]);
          await session.exited;
          expect(readdirSync(outside(box))).toEqual([]);
          expect(existsSync("/tmp/console")).toBe(false);
        }
      });

      test("an image's /dev/null that leads to a volume: the file there is neither stdio nor changed", async () => {
        await using box = new Sandbox(subject);
        const { caller } = subject;
        const volume = outside(box);
        writeFileSync(`${volume}/file`, "kept\n", { mode: 0o640 });
        if (isRoot) chownSync(`${volume}/file`, caller.uid, caller.gid);
        const before = statSync(`${volume}/file`);
        const bundle = box.bundle((spec) => {
          script("echo ran; echo error >&2; readlink /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2")(spec);
          mapManyIds(spec, caller);
          spec.process.user = { uid: 1000, gid: 1000 };
          spec.mounts = spec.mounts.filter(({ destination }) => destination !== "/dev");
          spec.mounts.push({ destination: "/volume", type: "bind", source: volume, options: ["bind"] });
        });
        for (const name of ["dev/pts", "dev/shm", "dev/mqueue"])
          mkdirSync(`${bundle}/rootfs/${name}`, { recursive: true });
        link(bundle, "dev/null", "/volume/file");
        const { stdout } = await box.call(["run", "--bundle", bundle, box.name()]);
        expect(stdout).not.toContain("volume");
        const { uid, gid, mode } = statSync(`${volume}/file`);
        expect({ uid, gid, mode }).toEqual({ uid: before.uid, gid: before.gid, mode: before.mode });
        expect(readFileSync(`${volume}/file`, "utf8")).toBe("kept\n");
      });

      test("an image's own /proc/self/fd leads nothing elsewhere: what is to be read-only is", async () => {
        await using box = new Sandbox(subject);
        const bundle = box.bundle((spec) => {
          script("for f in /x /ro/x /volume/x; do touch $f 2>/dev/null && echo $f; done; true")(spec);
          spec.root.readonly = true;
          spec.linux.maskedPaths = spec.linux.readonlyPaths = [];
          spec.mounts = spec.mounts.filter(({ destination }) => destination !== "/proc");
          for (const [destination, ...options] of [["/volume"], ["/ro", "ro"]] as const)
            spec.mounts.push({
              destination,
              type: "bind",
              source: outside(box),
              options: ["rbind", ...options],
            });
          spec.mounts.push({
            destination: "/tmp",
            type: "tmpfs",
            source: "tmpfs",
            options: ["ro", "tmpcopyup"],
          });
        });
        mkdirSync(`${bundle}/rootfs/proc/self/fd`, { recursive: true });
        for (let fd = 0; fd < 64; fd++) symlinkSync("/volume", `${bundle}/rootfs/proc/self/fd/${fd}`);
        const { stdout, stderr } = await box.call(["run", "--bundle", bundle, box.name()]);
        expect({ stdout, stderr }).toEqual({ stdout: "/volume/x\n", stderr: "" });
      });

      test("a terminal is a new one of devpts, whatever is at /dev/pts and /dev/ptmx", async () => {
        await using box = new Sandbox(subject);
        for (const make of [
          (rootfs: string) => writeFileSync(`${rootfs}/dev/pts/ptmx`, "not a terminal"),
          (rootfs: string) => symlinkSync("/dev/tty", `${rootfs}/dev/pts/ptmx`),
          (rootfs: string) => symlinkSync("../null", `${rootfs}/dev/pts/ptmx`),
        ]) {
          const bundle = box.bundle((spec) => {
            script("tty")(spec);
            spec.process.terminal = true;
            spec.mounts = spec.mounts.filter(({ destination }) => !destination.startsWith("/dev/pts"));
            spec.mounts = spec.mounts.filter(({ destination }) => destination !== "/dev");
          });
          mkdirSync(`${bundle}/rootfs/dev/pts`);
          make(`${bundle}/rootfs`);
          await using session = box.terminal(["run", "--bundle", bundle, box.name()]);
          expect(await session.exited).toBe(1);
          expect(session.text()).toContain("process.terminal");
        }
      });

      test("an /etc/passwd that never ends is not read to its end", async () => {
        await using box = new Sandbox(subject);
        for (const make of [
          (path: string) => {
            writeFileSync(path, "");
            truncateSync(path, 2 ** 40);
          },
          (path: string) => expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0),
          (path: string) => symlinkSync("/dev/zero", path),
        ]) {
          const bundle = box.bundle(script("echo $HOME"));
          rmSync(`${bundle}/rootfs/etc/passwd`);
          make(`${bundle}/rootfs/etc/passwd`);
          // Not behind the link, which is a device of the host.
          const { mode } = lstatSync(`${bundle}/rootfs/etc/passwd`);
          if ((mode & 0o170000) !== 0o120000) chmodSync(`${bundle}/rootfs/etc/passwd`, 0o644);
          const outcome = await box.call(["run", "--bundle", bundle, box.name()], { timeoutMs: 10000 });
          expect(outcome).toMatchObject({ code: 0, stdout: "/\n" });
        }
      });
    }
  });
}
