/** Mounts: kinds, options, propagation, odd destinations, and many of them. */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { ownedDir } from "./support/caller.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { mapManyIds, type TestMount } from "./support/spec.ts";

/** Per-mount options of a target in a mountinfo text; propagation fields behind them. */
function mountOptions(mountinfo: string, target: string): string[] {
  const line = mountinfo
    .split("\n")
    .filter((text) => text.split(" ")[4] === target)
    .at(-1);
  if (line === undefined) throw new Error(`${target} is not mounted`);
  const [before] = line.split(" - ");
  const fields = before!.split(" ");
  return [...fields[5]!.split(","), ...fields.slice(6)];
}

for (const subject of subjects()) {
  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    const bind = (source: string, options: string[] = []): TestMount => ({
      destination: "/mnt/here",
      type: "bind",
      source,
      options: ["bind", ...options],
    });

    test("a bind mount of a directory and of a file, made where missing, writes through", async () => {
      await using box = new Sandbox(subject);
      const dir = ownedDir(subject.caller, `${box.dir}/shared`);
      const file = box.file("single", "outside\n");
      const outcome = await box.sh("cat /mnt/file; echo in >/mnt/here/new; echo more >>/mnt/file", (spec) => {
        spec.mounts.push(bind(dir), {
          destination: "/mnt/file",
          type: "bind",
          source: file,
          options: ["bind"],
        });
      });
      expect(outcome).toMatchObject({ code: 0, stdout: "outside\n" });
      expect(readFileSync(`${dir}/new`, "utf8")).toBe("in\n");
      expect(readFileSync(file, "utf8")).toBe("outside\nmore\n");
      expect(statSync(`${dir}/new`).uid).toBe(subject.caller.uid);
    });

    // The access time mode of the host's mount is locked in a user namespace.
    const flags = ["ro", "nosuid", "nodev", "noexec", ...(subject.caller.name === "root" ? ["noatime"] : [])];

    test(`bind options: ${flags.join(", ")}`, async () => {
      await using box = new Sandbox(subject);
      const dir = ownedDir(subject.caller, `${box.dir}/shared`);
      writeFileSync(`${dir}/run.sh`, "#!/bin/sh\necho ran\n", { mode: 0o755 });
      const script = "cat /proc/self/mountinfo; touch /mnt/here/x && echo wrote; /mnt/here/run.sh";
      const outcome = await box.sh(script, (spec) => {
        spec.mounts.push(bind(dir, flags));
      });
      expect(outcome.stdout).not.toContain("wrote");
      expect(outcome.stdout).not.toContain("ran\n");
      const options = mountOptions(outcome.stdout, "/mnt/here");
      expect(options).toEqual(expect.arrayContaining(flags));
    });

    test("rbind takes the mounts below with it", async () => {
      await using box = new Sandbox(subject);
      const outcome = await box.sh(
        "ls /mnt/here/shm >/dev/null && grep -c /mnt/here/ /proc/self/mountinfo",
        (spec) => {
          spec.mounts.push({ destination: "/mnt/here", type: "none", source: "/dev", options: ["rbind"] });
        },
      );
      expect(Number(outcome.stdout)).toBeGreaterThan(0);
    });

    test("propagation: private by default, slave and shared when asked", async () => {
      await using box = new Sandbox(subject);
      const dir = ownedDir(subject.caller, `${box.dir}/shared`);
      for (const [option, expected] of [
        ["private", /^$/],
        ["rshared", /shared:/],
        ["unbindable", /unbindable/],
      ] as const) {
        const { stdout, stderr } = await box.sh("cat /proc/self/mountinfo", (spec) => {
          spec.mounts.push(bind(dir, [option]));
        });
        expect(stderr).toBe("");
        const propagation = mountOptions(stdout, "/mnt/here").filter((word) => /:|unbindable/.test(word));
        expect(propagation.join(" ")).toMatch(expected);
      }
    });

    test("tmpfs with size, mode and nr_inodes", async () => {
      await using box = new Sandbox(subject);
      const script =
        "stat -c %a /mnt/tmp; df -k /mnt/tmp | tail -1 | awk '{print $2}'; head -c 2000000 /dev/zero >/mnt/tmp/x || echo full";
      const { stdout } = await box.sh(script, (spec) => {
        const options = ["nosuid", "size=1024k", "mode=1770", "nr_inodes=100"];
        spec.mounts.push({ destination: "/mnt/tmp", type: "tmpfs", source: "tmpfs", options });
      });
      expect(stdout).toBe("1770\n1024\nfull\n");
    });

    test("a relative source is relative to the bundle", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.mounts.push(bind("data"));
        spec.process.args = ["/bin/cat", "/mnt/here/file"];
      });
      ownedDir(subject.caller, `${bundle}/data`);
      writeFileSync(`${bundle}/data/file`, "relative\n");
      // From elsewhere, where "data" means nothing.
      const outcome = await box.call(["run", "--bundle", bundle, box.name()]);
      expect(outcome).toMatchObject({ code: 0, stdout: "relative\n" });
    });

    test("a destination through a symlink stays inside the root", async () => {
      await using box = new Sandbox(subject);
      const secret = `${box.dir}/outside`;
      mkdirSync(secret);
      const bundle = box.bundle((spec) => {
        spec.mounts.push({ destination: "/link/inner", type: "tmpfs", source: "tmpfs", options: [] });
        spec.process.args = ["/bin/sh", "-c", "cut -d' ' -f5 /proc/self/mountinfo | grep inner"];
      });
      symlinkSync(secret, `${bundle}/rootfs/link`);
      const outcome = await box.call(["run", "--bundle", bundle, box.name()]);
      expect(existsSync(`${secret}/inner`)).toBe(false);
      if (outcome.code === 0) expect(outcome.stdout).toBe(`${secret}/inner\n`);
    });

    test("a missing source is an error that names it", async () => {
      await using box = new Sandbox(subject);
      const outcome = await box.sh("true", (spec) => {
        spec.mounts.push(bind("/no/such/source"));
      });
      expect(outcome.code).not.toBe(0);
      expect(outcome.stderr).toContain("/no/such/source");
    });

    test("locked flags of the host's mounts survive a remount", async () => {
      await using box = new Sandbox(subject);
      const { stdout, code, stderr } = await box.sh("cat /proc/self/mountinfo", (spec) => {
        spec.mounts.push({
          destination: "/mnt/here",
          type: "bind",
          // Not /sys/kernel, which has mounts below it on most machines.
          source: "/sys/class",
          options: ["bind", "ro"],
        });
      });
      expect(stderr).toBe("");
      expect(code).toBe(0);
      expect(mountOptions(stdout, "/mnt/here")).toContain("ro");
    });

    if (subject.caller.name === "root") {
      test("bind options stand for themselves: what the source's mount has besides goes, unless none is given", async () => {
        await using box = new Sandbox(subject);
        const source = ownedDir(subject.caller, `${box.dir}/source`);
        const mount = ["mount", "-t", "tmpfs", "-o", "ro,nosuid,noexec,noatime", "tmpfs", source];
        expect(Bun.spawnSync(mount).exitCode).toBe(0);
        try {
          for (const [options, expected] of [
            [["bind"], "ro,nosuid,noexec,noatime"],
            [["bind", "rprivate"], "ro,nosuid,noexec,noatime"],
            [["bind", "nodev"], "rw,nodev,noatime"],
            [["bind", "dev"], "rw,noatime"],
            [["bind", "ro", "relatime"], "ro,relatime"],
            [["bind", "nodiratime", "strictatime"], "rw,nodiratime"],
          ] as const) {
            const { stdout, stderr } = await box.sh("grep ' /mnt ' /proc/self/mountinfo", (spec) => {
              spec.mounts.push({ destination: "/mnt", type: "bind", source, options: [...options] });
            });
            expect([options, stderr, stdout.split(" ")[5]]).toEqual([options, "", expected]);
          }
        } finally {
          Bun.spawnSync(["umount", source]);
        }
      });
    }

    if (subject.caller.name === "root") {
      // Each is opened another way: in the user namespace, or outside of it because of what is mounted below, or because
      // the container's root cannot get there.
      for (const where of ["plain", "with a mount below", "below a directory that is closed to it"]) {
        test(`in a user namespace a bind keeps the flags of its source, ${where}`, async () => {
          await using box = new Sandbox(subject);
          const above = ownedDir(subject.caller, `${box.dir}/above`, 0o755);
          if (where.startsWith("below")) {
            chownSync(above, 12345, 12345);
            chmodSync(above, 0o700);
          }
          const source = `${above}/source`;
          const mounted: string[] = [];
          const mount = (options: string, at: string) => {
            mkdirSync(at, { recursive: true });
            expect(Bun.spawnSync(["mount", "-t", "tmpfs", "-o", options, "tmpfs", at]).exitCode).toBe(0);
            mounted.push(at);
          };
          const flags = async (...options: string[]) => {
            const { stdout, stderr } = await box.sh("grep ' /mnt' /proc/self/mountinfo", (spec) => {
              mapManyIds(spec, subject.caller);
              spec.mounts.push({ destination: "/mnt", type: "bind", source, options });
            });
            if (stderr !== "") return [stderr];
            return stdout.match(/\/mnt\S* \S+/g)?.map((line) => line.replace(",relatime", ""));
          };
          try {
            mount("nosuid,noexec,nodev,noatime", source);
            const below = where.startsWith("with") ? ["/mnt/below rw,nosuid,noexec,noatime"] : [];
            if (below.length > 0) mount("nosuid,noexec,noatime", `${source}/below`);
            const all = "ro,nosuid,nodev,noexec,noatime";
            expect(Bun.spawnSync(["mount", "-o", `remount,bind,${all}`, source]).exitCode).toBe(0);
            // By itself, and with flags of the config: more are set, none goes, and who asks for that is refused.
            for (const more of [[], ["rprivate"], ["nosuid"], ["nodev", "nosymfollow"]]) {
              const own = more.includes("nosymfollow") ? `${all},nosymfollow` : all;
              expect([more, await flags("bind", ...more)]).toEqual([more, [`/mnt ${own}`]]);
              expect([more, await flags("rbind", ...more)]).toEqual([more, [`/mnt ${own}`, ...below]]);
            }
            for (const recursive of ["bind", "rbind"])
              expect((await flags(recursive, "exec"))?.[0]).toContain("leave out rw, suid, dev and exec");
          } finally {
            for (const at of mounted.reverse()) Bun.spawnSync(["umount", at]);
          }
        });
      }
    }

    test("a destination that repeats the root's path, a source that an earlier mount made", async () => {
      await using box = new Sandbox(subject);
      const shared = ownedDir(subject.caller, `${box.dir}/shared`);
      writeFileSync(`${shared}/file`, "found\n");
      const bundle = box.bundle((spec) => {
        spec.process.args = ["cat", "/again/file"];
      });
      const config = JSON.parse(readFileSync(`${bundle}/config.json`, "utf8"));
      const rootfs = `${bundle}/rootfs`;
      config.mounts.push(bind(shared), { ...bind(`${rootfs}/mnt/here`), destination: `${rootfs}/again` });
      writeFileSync(`${bundle}/config.json`, JSON.stringify(config));
      const outcome = await box.call(["run", "--bundle", bundle, box.name()]);
      expect(outcome).toMatchObject({ stdout: "found\n", stderr: "", code: 0 });
    });

    test("1,000 mounts", async () => {
      await using box = new Sandbox(subject);
      const { stdout, stderr } = await box.sh("grep -c ' /many/' /proc/self/mountinfo", (spec) => {
        for (let i = 0; i < 1000; i++) {
          spec.mounts.push(
            i % 2 === 0
              ? { destination: `/many/${i}`, type: "tmpfs", source: "tmpfs", options: ["size=4k"] }
              : { destination: `/many/${i}`, type: "bind", source: box.dir, options: ["bind", "ro"] },
          );
        }
      });
      expect(stderr).toBe("");
      expect(stdout).toBe("1000\n");
    });
  });
}
