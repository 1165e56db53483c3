/** Containers without a bundle (`run --host`, `run --rootfs`), attacked from inside. */
import { describe, expect, test } from "bun:test";
import { closeSync, constants, openSync, readFileSync, readSync, renameSync, symlinkSync } from "node:fs";
import { host, isRoot, ownedDir } from "../support/caller.ts";
import { makeRootfs } from "../support/rootfs.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  describe(subject.label, () => {
    // A file system that everybody may write to stands for fusectl, debugfs, tracefs and the like.
    test.skipIf(!isRoot)("what is mounted below /sys is as read-only as /sys", async () => {
      await using box = new Sandbox(subject);
      const root = makeRootfs(ownedDir(caller, `${box.dir}/root`), caller);
      const trap = "mount -t tmpfs -o mode=777 trap /sys/kernel/debug && mkdir -m 777 /sys/kernel/debug/1 &&";
      const under = [
        "unshare",
        "-m",
        "sh",
        "-c",
        `${trap} touch /sys/kernel/debug/1/abort && exec "$@"`,
        "sh",
      ];
      const script = `for f in /sys/kernel/debug/1/abort /sys/kernel/debug/new; do echo 1 > $f && echo "wrote $f"; done
        grep ' /sys' /proc/self/mountinfo | cut -d' ' -f5,6 | grep -v ' ro'; true`;
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sh", "-c", script];
        spec.linux.namespaces = spec.linux.namespaces?.filter(({ type }) => type !== "network");
      });
      for (const argv of [
        ["run", "--host", "--", "sh", "-c", script],
        ["run", "--rootfs", root, "--network", "host", "--", "sh", "-c", script],
        ["run", "--bundle", bundle, box.name()],
      ]) {
        const { code, stdout } = await box.call(argv, { under });
        expect({ argv: argv[1], code, stdout }).toEqual({ argv: argv[1]!, code: 0, stdout: "" });
      }
    });

    test("--rw follows no link that an earlier run made", async () => {
      await using box = new Sandbox(subject);
      for (const name of ["project", "private", "project/out", "project/sub"])
        ownedDir(caller, `${box.dir}/${name}`);
      box.file("private/key", "the key\n");
      const run = (rw: string, script: string) =>
        box.call(["run", "--host", "--rw", rw, "--", "sh", "-c", script], { cwd: box.dir });
      const plant = "cd project; rmdir out sub; ln -s ../private out; ln -s .. sub; ln -s / root";
      expect(await run("project", plant)).toMatchObject({ code: 0, stderr: "" });
      for (const path of ["project/out", "project/sub/private", "./project/out/../out", "project/root"]) {
        const { code, stderr } = await run(path, `echo mine > ${box.dir}/private/key`);
        expect(`${code} ${stderr}`).toMatch(
          /^1 brun: --rw [^ ]+: [^\n]* symbolic link[^\n]*; hint: --rw \/[^\n]*\n$/,
        );
      }
      expect(readFileSync(`${box.dir}/private/key`, "utf8")).toBe("the key\n");
    });

    test.skipIf(!isRoot)("secrets of the home in /etc/passwd are hidden whatever HOME says", async () => {
      await using box = new Sandbox(subject);
      const home = ownedDir(caller, `${box.dir}/home`);
      const other = ownedDir(caller, `${box.dir}/other`);
      for (const at of ["home", "other"]) box.file(`${at}/.netrc`, `password of ${at}\n`);
      const passwd = box.file("passwd", `me:x:${caller.uid}:${caller.gid}::${home}:/bin/sh\n`);
      const binds = { [passwd]: "/etc/passwd" };
      const script = `cat ${home}/.netrc ${other}/.netrc`;
      const argv = ["run", "--host", "--", "sh", "-c", script];
      const seen = async (env: Record<string, string>) => {
        const { stdout, stderr } = await box.call(argv, { binds, env, cwd: box.dir });
        return { stdout, warned: /secrets are hidden in/.test(stderr) };
      };
      expect(await seen({ HOME: other })).toEqual({ stdout: "", warned: false });
      for (const HOME of ["/", "", "relative"])
        expect(await seen({ HOME })).toEqual({ stdout: "password of other\n", warned: true });
    });

    test("secrets behind links and in directories that variables name are hidden at their real places", async () => {
      await using box = new Sandbox(subject);
      const home = ownedDir(caller, `${box.dir}/home`);
      for (const name of ["dotfiles", "dotfiles/ssh", "config", "config/gh", "aws", "home/.codex"])
        ownedDir(caller, `${box.dir}/${name}`);
      for (const file of [
        "dotfiles/ssh/key",
        "config/gh/hosts",
        "aws/credentials",
        "home/.codex/auth.json",
        "home/x.kdbx",
      ])
        box.file(file, `${file}\n`);
      box.file("home/.codex/config.toml", "model\n");
      symlinkSync("../dotfiles/ssh", `${home}/.ssh`);
      const env = {
        HOME: home,
        XDG_CONFIG_HOME: `${box.dir}/config`,
        AWS_SHARED_CREDENTIALS_FILE: `${box.dir}/aws/credentials`,
        // What holds the current directory is no secret, whatever a variable says.
        DOCKER_CONFIG: box.dir,
      };
      const script =
        "cat home/.codex/* home/.ssh/* dotfiles/ssh/* config/gh/* aws/* home/*.kdbx 2>/dev/null; true";
      for (const flags of [[], ["--read-only"], ["--overlay", "none"], ["--rw", "dotfiles"]]) {
        const argv = ["run", "--host", ...flags, "--", "sh", "-c", script];
        const { stdout } = await box.call(argv, { cwd: box.dir, env });
        expect(stdout).toBe("model\n");
      }
    });

    for (const flags of [[], ["--read-only"], ["--overlay", "none"]]) {
      const name = flags.join(" ") || "by default";

      test(`${name}: sockets and FIFOs of the host's lead nowhere`, async () => {
        await using box = new Sandbox(subject);
        const home = ownedDir(caller, `${box.dir}/home`, 0o777);
        const connected: number[] = [];
        using server = Bun.listen({
          unix: `${home}/agent`,
          socket: { open: () => void connected.push(1), data: () => undefined },
        });
        host("mkfifo", "-m", "666", `${home}/fifo`);
        host("chmod", "666", `${home}/agent`);
        const reader = openSync(`${home}/fifo`, constants.O_RDONLY | constants.O_NONBLOCK);
        try {
          const script = `perl -MSocket -e 'socket S, PF_UNIX, SOCK_STREAM, 0; connect S, pack_sockaddr_un("${home}/agent") and print "connected\n"'
            timeout 1 sh -c 'echo leaked > ${home}/fifo' 2>/dev/null; true`;
          const outcome = await box.call(["run", "--host", ...flags, "--", "sh", "-c", script], {
            cwd: home,
            env: { HOME: home },
          });
          expect(outcome).toMatchObject({ code: 0, stdout: "", stderr: "" });
          expect(readSync(reader, new Uint8Array(10))).toBe(0);
          expect(connected).toEqual([]);
          expect(server.unix).toBe(`${home}/agent`);
        } finally {
          closeSync(reader);
        }
      });

      test(`${name}: what the host renames over a secret stays hidden`, async () => {
        await using box = new Sandbox(subject);
        const home = ownedDir(caller, `${box.dir}/home`);
        for (const dir of [".ssh", "new"]) ownedDir(caller, `${home}/${dir}`);
        for (const file of [".netrc", "new.netrc", ".ssh/key", "new/key"])
          box.file(`home/${file}`, "secret\n");
        const id = box.name();
        const argv = ["run", "--host", "-d", "--name", id, ...flags, "--", "sleep", "1000"];
        await box.ok(argv, { cwd: home, env: { HOME: home } });
        const look = `cat ${home}/.netrc ${home}/.ssh/key 2>/dev/null; echo end`;
        expect((await box.exec(id, look)).stdout).toBe("end\n");
        renameSync(`${home}/new.netrc`, `${home}/.netrc`);
        renameSync(`${home}/.ssh`, `${home}/old`);
        renameSync(`${home}/new`, `${home}/.ssh`);
        expect((await box.exec(id, look)).stdout).toBe("end\n");
        await box.ok(["delete", "--force", id]);
      });
    }
  });
}
