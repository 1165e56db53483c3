/** Mount options beyond flags: tmpcopyup, modes of tmpfs, copy-symlink, nofollow; sources out of root's reach. */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { isRoot, ownedDir } from "../support/caller.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { mapManyIds, type TestMount, type TestSpec } from "../support/spec.ts";

const tmpfs = (destination: string, ...options: string[]): TestMount => ({
  destination,
  type: "tmpfs",
  source: "tmpfs",
  options,
});

for (const subject of subjects()) {
  const { caller } = subject;
  const brun = subject.runtime === "brun";

  /** Runs a script in a container whose root file system is changed first. */
  async function within(
    box: Sandbox,
    prepare: (rootfs: string) => void,
    script: string,
    edit: (spec: TestSpec) => void,
  ) {
    const bundle = box.bundle((spec) => {
      spec.process.args = ["/bin/sh", "-c", script];
      edit(spec);
    });
    prepare(`${bundle}/rootfs`);
    if (isRoot) Bun.spawnSync(["chown", "-hR", `${caller.uid}:${caller.gid}`, `${bundle}/rootfs/srv`]);
    return box.call(["run", "--bundle", bundle, box.name()]);
  }

  function fill(rootfs: string): void {
    mkdirSync(`${rootfs}/srv/sub/deep`, { recursive: true });
    writeFileSync(`${rootfs}/srv/file`, "x".repeat(100000), { mode: 0o640 });
    writeFileSync(`${rootfs}/srv/sub/deep/tool`, "#!/bin/sh\necho ran\n", { mode: 0o755 });
    symlinkSync("sub/deep/tool", `${rootfs}/srv/link`);
    for (let i = 0; i < 200; i++) writeFileSync(`${rootfs}/srv/sub/number-${i}`, "");
    chmodSync(`${rootfs}/srv/sub`, 0o711);
    chmodSync(`${rootfs}/srv`, 0o750);
  }

  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    // Of peers the releases of Debian 12 refuse some of the options.
    if (brun) {
      test.each([
        ["nosuid nodev noexec", "rsuid rdev rexec", "rw,relatime"],
        ["nosymfollow nodiratime", "rsymfollow rdiratime", "rw,relatime"],
        ["noatime", "ratime", "rw,relatime"],
        ["noatime", "rrelatime", "rw,relatime"],
        ["noatime", "rstrictatime", "rw"],
        ["noatime", "rstrictatime rnostrictatime", "rw,relatime"],
        ["noatime", "rnorelatime", "rw,relatime"],
      ])("of two mounts with %s an rbind with %s leaves %s", async (flags, options, left) => {
        await using box = new Sandbox(subject);
        const script = "sed -n 's,.* /mnt\\(/inner\\)* \\([^ ]*\\) .*,\\2,p' /proc/self/mountinfo";
        const outcome = await box.sh(script, (spec) => {
          spec.mounts.push(
            ...["/outer", "/outer/inner"].map((at) => tmpfs(at, "mode=755", ...flags.split(" "))),
            {
              destination: "/mnt",
              type: "bind",
              source: "rootfs/outer",
              options: ["rbind", ...options.split(" ")],
            },
          );
        });
        expect(outcome).toMatchObject({ code: 0, stderr: "", stdout: `${left}\n${left}\n` });
      });
    }

    test("symfollow takes nosymfollow back", async () => {
      await using box = new Sandbox(subject);
      const outcome = await box.sh("cat /mnt/link /run/link; true", (spec) => {
        spec.mounts.push(tmpfs("/mnt", "nosymfollow"), tmpfs("/run", "nosymfollow", "symfollow"));
        const link = (at: string) => `ln -s /etc/group ${at}/link`;
        spec.process.args[2] = `${link("/mnt")}; ${link("/run")}; ${spec.process.args[2]}`;
      });
      expect(outcome.stderr).toContain("can't open '/mnt/link': Too many");
      expect(outcome.stdout).toContain("staff:");
    });

    test("tmpcopyup: a tmpfs begins with what it covers", async () => {
      await using box = new Sandbox(subject);
      const script = `cd /srv && stat -c %a . file sub sub/deep/tool && ls sub | wc -l && ./link && wc -c <file
        grep -c ' /srv ' /proc/self/mountinfo; echo new >file`;
      const outcome = await within(box, fill, script, (spec) => {
        spec.mounts.push(tmpfs("/srv", "nosuid", "nodev", "tmpcopyup"));
      });
      expect(outcome).toMatchObject({
        stdout: "750\n640\n711\n755\n201\nran\n100000\n1\n",
        stderr: "",
        code: 0,
      });
    });

    test("tmpcopyup keeps owners, times and named pipes, and takes a directory that is not there", async () => {
      await using box = new Sandbox(subject);
      const script = "stat -c '%u %Y %F' /srv/owned; test -p /srv/pipe && ls -A /none";
      const prepare = (rootfs: string) => {
        mkdirSync(`${rootfs}/srv`);
        Bun.spawnSync(["mkfifo", `${rootfs}/srv/pipe`]);
        writeFileSync(`${rootfs}/srv/owned`, "");
        Bun.spawnSync(["touch", "-d", "@1000000000", `${rootfs}/srv/owned`]);
      };
      const outcome = await within(box, prepare, script, (spec) => {
        spec.mounts.push(tmpfs("/srv", "tmpcopyup"), tmpfs("/none", "tmpcopyup"));
      });
      expect(outcome).toMatchObject({ stdout: "0 1000000000 regular empty file\n", stderr: "", code: 0 });
    });

    test("a tmpfs without mode= takes that of the directory, else 1777", async () => {
      await using box = new Sandbox(subject);
      const script = `stat -c %a /srv /absent /run; touch /srv/new
        grep ' /srv ' /proc/self/mounts`;
      const outcome = await within(box, fill, script, (spec) => {
        spec.mounts.push(tmpfs("/srv", "size=64k"), tmpfs("/absent", "size=4k"), tmpfs("/run", "mode=700"));
      });
      const [mounted, ...modes] = outcome.stdout.trim().split("\n").reverse();
      expect(modes.reverse()).toEqual(["750", "1777", "700"]);
      // As an option of the mount, in runc too; crun changes the mode afterwards.
      if (brun) expect(mounted).toMatch(/\bsize=64k,mode=750\b/);
      expect(outcome.stderr).toBe("");
    });

    if (subject.runtime !== "crun") {
      test("tmpcopyup with a mode of its own", async () => {
        await using box = new Sandbox(subject);
        const outcome = await within(box, fill, "stat -c %a /srv /srv/sub", (spec) => {
          spec.mounts.push(tmpfs("/srv", "mode=1700", "tmpcopyup"));
        });
        expect(outcome).toMatchObject({ stdout: "1700\n711\n", stderr: "" });
      });
    }

    test("a read-only tmpfs can have mount points in it, /dev with its devices too", async () => {
      await using box = new Sandbox(subject);
      const script =
        "touch /run/x 2>/dev/null || echo ro; ls /run; touch /dev/x 2>/dev/null || echo ro; echo >/dev/null && ls -d /dev/pts";
      const outcome = await box.sh(script, (spec) => {
        const dev = spec.mounts.find((m) => m.destination === "/dev")!;
        dev.options = ["nosuid", "strictatime", "mode=755", "size=65536k", "ro"];
        spec.mounts.push(tmpfs("/run", "ro", "mode=755"), tmpfs("/run/inner"));
      });
      expect(outcome).toMatchObject({ stdout: "ro\ninner\nro\n/dev/pts\n", stderr: "" });
    });

    // crun, and runc before 1.2, ignore them.
    if (brun) {
      test.each(["readonly", "RO", "mode=755"])(
        "the option %s beside bind is refused, as the kernel would ignore it",
        async (option) => {
          await using box = new Sandbox(subject);
          const options = ["rbind", option];
          const outcome = await box.sh("true", (spec) => {
            spec.mounts.push({ destination: "/mnt/here", type: "bind", source: "/etc", options });
          });
          expect(outcome.code).toBe(1);
          expect(outcome.stderr).toMatch(/mounts\[\d+\]\.options: a bind mount has no option /);
        },
      );
    }

    test("a dangling symbolic link on the way to a destination is followed inside the root", async () => {
      await using box = new Sandbox(subject);
      const prepare = (rootfs: string) => {
        mkdirSync(`${rootfs}/srv`);
        symlinkSync("/var/made", `${rootfs}/srv/dangling`);
        symlinkSync("/var/file-made", `${rootfs}/srv/dangling-file`);
      };
      const script = "cut -d' ' -f5 /proc/self/mountinfo | grep /var/; cat /var/file-made";
      const outcome = await within(box, prepare, script, (spec) => {
        const source = box.file("single", "text\n");
        spec.mounts.push(tmpfs("/srv/dangling", "mode=755"), {
          destination: "/srv/dangling-file",
          type: "bind",
          source,
          options: ["bind"],
        });
      });
      if (brun) expect(outcome).toMatchObject({ stdout: "/var/made\n/var/file-made\ntext\n", stderr: "" });
    });

    test("a bind mount of a file onto a symbolic link covers what it points to", async () => {
      await using box = new Sandbox(subject);
      const prepare = (rootfs: string) => {
        mkdirSync(`${rootfs}/srv`);
        writeFileSync(`${rootfs}/srv/real`, "below\n");
        symlinkSync("real", `${rootfs}/srv/link`);
      };
      const outcome = await within(box, prepare, "cat /srv/link /srv/real; readlink /srv/link", (spec) => {
        spec.mounts.push({
          destination: "/srv/link",
          type: "bind",
          source: box.file("over", "over\n"),
          options: ["bind"],
        });
      });
      expect(outcome).toMatchObject({ stdout: "over\nover\nreal\n", stderr: "" });
    });

    // crun has these options, some in releases newer than Debian's.
    if (brun) {
      test("copy-symlink makes the source's link again; another link there is an error", async () => {
        await using box = new Sandbox(subject);
        const source = `${box.dir}/zone`;
        symlinkSync("../usr/share/zoneinfo/Europe/Vienna", source);
        const mount = (destination: string): TestMount => ({
          destination,
          type: "bind",
          source,
          options: ["rbind", "copy-symlink"],
        });
        const first = await box.sh("readlink /etc/localtime", (spec) => {
          spec.mounts.push(mount("/etc/localtime"), mount("/etc/localtime"));
        });
        expect(first).toMatchObject({ stdout: "../usr/share/zoneinfo/Europe/Vienna\n", stderr: "" });
        const second = await box.sh("true", (spec) => {
          spec.mounts.push(mount("/bin/sh"));
        });
        expect(second.code).toBe(1);
        expect(second.stderr).toContain("/bin/sh");
      });

      test("copy-symlink binds what is no link", async () => {
        await using box = new Sandbox(subject);
        const outcome = await box.sh("cat /etc/plain", (spec) => {
          const options = ["bind", "copy-symlink"];
          spec.mounts.push({
            destination: "/etc/plain",
            type: "bind",
            source: box.file("plain", "plain\n"),
            options,
          });
        });
        expect(outcome).toMatchObject({ stdout: "plain\n", stderr: "" });
      });

      test("src-nofollow and dest-nofollow bind the links themselves", async () => {
        await using box = new Sandbox(subject);
        const source = `${box.dir}/pointer`;
        symlinkSync("to-nowhere", source);
        const prepare = (rootfs: string) => {
          mkdirSync(`${rootfs}/srv`);
          symlinkSync("elsewhere", `${rootfs}/srv/link`);
        };
        const outcome = await within(box, prepare, "readlink /srv/link", (spec) => {
          const options = ["bind", "src-nofollow", "dest-nofollow"];
          spec.mounts.push({ destination: "/srv/link", type: "bind", source, options });
        });
        expect(outcome).toMatchObject({ stdout: "to-nowhere\n", stderr: "" });
      });

      for (const link of ["/proc/self", "/dev/pts/ptmx", "/sys/class/net/lo"]) {
        test(`dest-nofollow covers no link of the kernel's: ${link}`, async () => {
          await using box = new Sandbox(subject);
          const outcome = await within(
            box,
            () => {},
            "true",
            (spec) => {
              const options = ["bind", "src-nofollow", "dest-nofollow"];
              spec.mounts.push({ destination: link, type: "bind", source: "/proc/self", options });
            },
          );
          expect(outcome.code).toBe(1);
          expect(outcome.stderr).toContain(
            `cannot bind /proc/self on ${link}: operation not permitted (EPERM)`,
          );
        });
      }
    }

    test("sources and a root file system that only the caller can reach", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        mapManyIds(spec, caller);
        // Root inside is not the caller: 0 and the caller's id trade places.
        const { uidMappings, gidMappings } = spec.linux;
        if (caller.name === "user") {
          for (const map of [uidMappings!, gidMappings!]) {
            map[0]!.containerID = 1000;
            map[1]!.containerID = 0;
            map[1]!.size = 1000;
          }
        }
        spec.process.args = ["/bin/cat", "/mnt/secret/file", "/mnt/file"];
        const source = `${box.dir}/private/data`;
        spec.mounts.push(
          { destination: "/mnt/secret", type: "bind", source, options: ["rbind", "ro"] },
          { destination: "/mnt/file", type: "bind", source: `${source}/file`, options: ["bind"] },
        );
      });
      const data = ownedDir(caller, `${box.dir}/private/data`);
      writeFileSync(`${data}/file`, "reached\n", { mode: 0o644 });
      // The caller's root file system belongs to root inside.
      if (isRoot) {
        const owner = caller.name === "root" ? 100000 : Number(firstSubordinate(caller.user));
        Bun.spawnSync(["chown", "-hR", `${owner}:${owner}`, `${bundle}/rootfs`]);
      } else return;
      chownSync(`${box.dir}/private`, caller.uid, caller.gid);
      chmodSync(`${box.dir}/private`, 0o700);
      const outcome = await box.call(["run", "--bundle", bundle, box.name()]);
      expect(outcome).toMatchObject({ stdout: "reached\nreached\n", stderr: "" });
      expect(lstatSync(`${data}/file`).uid).toBe(0);
    });
  });
}

function firstSubordinate(user: string): string {
  const line = readFileSync("/etc/subuid", "utf8")
    .split("\n")
    .find((text) => text.startsWith(`${user}:`));
  return line!.split(":")[1]!;
}
