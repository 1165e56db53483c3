/** linux.devices: every type, with mode and owner; the default devices; linux.rootfsPropagation. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { ownedDir } from "../support/caller.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { mapManyIds } from "../support/spec.ts";

const STAT = "stat -c '%n %F %a %u:%g %t:%T'";

for (const subject of subjects()) {
  const { caller } = subject;
  const root = caller.name === "root";
  const brun = subject.runtime === "brun";
  const forRoot = root ? test : () => undefined;

  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    forRoot("character, unbuffered and block devices and FIFOs, with mode and owner", async () => {
      await using box = new Sandbox(subject);
      const devices = [
        { path: "/dev/one", type: "c", major: 1, minor: 5, fileMode: 0o640, uid: 7, gid: 8 },
        { path: "/dev/two", type: "b", major: 7, minor: 300, fileMode: 0o600 },
        { path: "/dev/sub/three", type: "p", fileMode: 0o622, uid: 9 },
        ...(subject.runtime === "runc" ? [] : [{ path: "/four", type: "u", major: 5, minor: 1 }]),
      ];
      const paths = devices.map(({ path }) => path).join(" ");
      const { stdout, stderr } = await box.sh(
        `${STAT} ${paths}; head -c 3 /dev/one | od -An -tx1`,
        (spec) => {
          spec.linux.devices = devices;
          spec.process.capabilities!.effective!.push("CAP_DAC_OVERRIDE");
          spec.process.capabilities!.permitted!.push("CAP_DAC_OVERRIDE");
          spec.process.capabilities!.bounding!.push("CAP_DAC_OVERRIDE");
        },
      );
      expect(stderr).toBe("");
      const lines = stdout.split("\n");
      expect(lines[0]).toBe("/dev/one character special file 640 7:8 1:5");
      expect(lines[1]).toBe("/dev/two block special file 600 0:0 7:12c");
      expect(lines[2]).toBe("/dev/sub/three fifo 622 9:0 0:0");
      if (brun) expect(lines[3]).toBe("/four character special file 666 0:0 5:1");
      expect(lines.at(-2)).toBe(" 00 00 00");
    });

    // runc looks for them on the host.
    if (root && subject.runtime !== "runc") {
      test("root's container in a user namespace has devices that the host has not, or not there", async () => {
        await using box = new Sandbox(subject);
        const bundle = box.bundle((spec) => {
          mapManyIds(spec, caller);
          spec.linux.devices = [
            { path: "/dev/one", type: "c", major: 1, minor: 5, fileMode: 0o644, uid: 7, gid: 8 },
            { path: "/dev/sub/two", type: "b", major: 7, minor: 300, fileMode: 0o600 },
            ...(brun ? [{ path: "/dev/full", type: "c", major: 1, minor: 3 }] : []),
          ];
          const script = `${STAT} /dev/one /dev/sub/two /dev/full /dev/null; head -c 3 /dev/one | wc -c`;
          spec.process.args = ["/bin/sh", "-c", script];
        });
        Bun.spawnSync(["chown", "-hR", "100000:100000", `${bundle}/rootfs`]);
        const { stdout, stderr } = await box.call(["run", "--bundle", bundle, box.name()]);
        expect(stderr).toBe("");
        const lines = stdout.split("\n");
        expect(lines[0]).toBe("/dev/one character special file 644 7:8 1:5");
        expect(lines[1]).toBe("/dev/sub/two block special file 600 0:0 7:12c");
        if (brun) expect(lines[2]).toBe("/dev/full character special file 666 0:0 1:3");
        expect(lines[3]).toEndWith(" 1:3");
        expect(lines[4]).toBe("3");
        expect(readFileSync("/proc/self/mounts", "utf8")).not.toContain("tmpfs /dev tmpfs rw,nosuid,noexec");
      });
    }

    if (brun && !root) {
      test("nothing on a device that is bound from the host can be executed or gives privileges", async () => {
        await using box = new Sandbox(subject);
        const { stdout } = await box.sh("grep -E ' /dev/(null|tty) ' /proc/mounts");
        for (const line of stdout.trim().split("\n")) expect(line).toMatch(/ rw,nosuid,noexec,/);
      });
    }

    if (brun) {
      test("a FIFO needs no privilege", async () => {
        await using box = new Sandbox(subject);
        const { stdout, stderr } = await box.sh(`${STAT} /dev/pipe`, (spec) => {
          spec.linux.devices = [{ path: "/dev/pipe", type: "p", fileMode: 0o640 }];
        });
        expect(stderr).toBe("");
        expect(stdout).toBe("/dev/pipe fifo 640 0:0 0:0\n");
      });
    }

    test("the default devices are there without a mount on /dev", async () => {
      await using box = new Sandbox(subject);
      const script =
        "for d in null zero full random urandom tty; do test -c /dev/$d || echo no $d; done; ls -l /dev/fd";
      const { stdout, stderr } = await box.sh(script, (spec) => {
        spec.mounts = spec.mounts.filter(({ destination }) => !destination.startsWith("/dev"));
      });
      expect(stderr).toBe("");
      expect(stdout).toMatch(/^\S+ .* \/dev\/fd -> \/proc\/self\/fd\n$/);
    });

    test("nothing is made in a /dev that is bound", async () => {
      await using box = new Sandbox(subject);
      const source = ownedDir(caller, `${box.dir}/dev`);
      await box.sh("true", (spec) => {
        spec.mounts = spec.mounts.filter(({ destination }) => !destination.startsWith("/dev"));
        spec.mounts.push({ destination: "/dev", type: "bind", source, options: ["rbind"] });
        spec.linux.devices = [{ path: "/dev/extra", type: "p" }];
      });
      expect(existsSync(`${source}/null`)).toBe(false);
      expect(existsSync(`${source}/extra`)).toBe(false);
    });

    forRoot("rootfsPropagation rshared: mounts below a shared bind mount are seen on the host", async () => {
      await using box = new Sandbox(subject);
      const volume = ownedDir(caller, `${box.dir}/volume`);
      const bundle = box.bundle((spec) => {
        const { bounding, effective, permitted } = spec.process.capabilities!;
        for (const set of [bounding, effective, permitted]) set!.push("CAP_SYS_ADMIN");
        spec.linux.rootfsPropagation = "rshared";
        spec.mounts.push({
          destination: "/volume",
          type: "bind",
          source: volume,
          options: ["rbind", "rshared"],
        });
        const script =
          "mkdir /volume/inner && mount -t tmpfs tmpfs /volume/inner && touch /volume/inner/seen; cat /proc/self/mountinfo";
        spec.process.args = ["/bin/sh", "-c", script];
      });
      // A mount namespace stands for the host, so that the real one stays as it is.
      const script = `mount -t tmpfs tmpfs '${volume}' && mount --make-shared '${volume}' && "$@" >'${box.dir}/info'
        ls '${volume}/inner'; grep -c '${bundle}' /proc/self/mountinfo`;
      const argv = box.argv(["run", "--bundle", bundle, box.name()]);
      const host = Bun.spawnSync(["unshare", "--mount", "sh", "-c", script, "sh", ...argv], { env: box.env });
      expect(host.stderr.toString()).toBe("");
      expect(host.stdout.toString()).toBe("seen\n0\n");
      const info = readFileSync(`${box.dir}/info`, "utf8");
      if (brun) expect(info.split("\n").find((line) => line.split(" ")[4] === "/")).toContain(" shared:");
    });

    test.each([
      ["private", /^$/],
      ["unbindable", /^unbindable$/],
      ["shared", /^shared:/],
    ])("rootfsPropagation %s is that of the root", async (rootfsPropagation, expected) => {
      await using box = new Sandbox(subject);
      const { stdout, stderr } = await box.sh("cat /proc/self/mountinfo", (spec) => {
        spec.linux.rootfsPropagation = rootfsPropagation;
      });
      expect(stderr).toBe("");
      const fields = stdout
        .split("\n")
        .map((line) => line.split(" - ")[0]!.split(" "))
        .find((line) => line[4] === "/")!;
      expect(fields.slice(6).join(" ")).toMatch(expected);
    });
  });
}
