/** `run --host` and `--rootfs` over trees as people have them: mounts below, busy directories, owners of all kinds. */
import { describe, expect, test } from "bun:test";
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { type Caller, host, installed, isRoot, ownedDir, subordinateRange } from "./support/caller.ts";
import { makeRootfs } from "./support/rootfs.ts";
import { subjects } from "./support/runtime.ts";
import { type CallOptions, Sandbox } from "./support/sandbox.ts";
import { brunPath } from "./support/workspace.ts";

/** How often brun runs beside a program that changes a directory, or mounts, as fast as it can. */
const BUSY_RUNS = Number(process.env.BRUN_BUSY_RUNS ?? 4);

/** Runs brun where something is mounted on these directories, with nothing in it, or what FILE=TEXT says. */
function mounted(...points: string[]): CallOptions {
  const script =
    'while [ "$1" != -- ]; do mount -t tmpfs -o mode=777 none "$1"; shift; done; shift; exec "$@"';
  return { under: ["unshare", "--mount", "sh", "-c", script, "sh", ...points, "--"] };
}

/** Maps of a caller's subordinate ids alone: root of the container is one of them. */
function subordinate(caller: Caller, file: "/etc/subuid" | "/etc/subgid") {
  const [first, size] = subordinateRange(caller, file);
  return [{ containerID: 0, hostID: first, size }];
}

for (const subject of subjects(["brun"])) {
  const { caller } = subject;
  const isUser = caller.uid !== 0;

  function home(box: Sandbox) {
    const dir = ownedDir(caller, `${box.dir}/home`, 0o700);
    const options: CallOptions = { cwd: dir, env: { HOME: dir } };
    const run = (script: string, more: CallOptions = {}, flags: string[] = []) =>
      box.call(["run", "--host", ...flags, "--", "sh", "-c", script], { ...options, ...more });
    return { dir, run };
  }

  describe(subject.label, () => {
    test("--rootfs of any name: commas, colons and backslashes mean nothing; nor do they for --upper", async () => {
      await using box = new Sandbox(subject);
      for (const name of ["a,b", "a:b", "a\\b", "a b", "ä"]) {
        const root = makeRootfs(ownedDir(caller, `${box.dir}/${name}`), caller);
        const upper = ownedDir(caller, `${box.dir}/upper ${name}`);
        for (const flags of [[], ["--upper", upper]]) {
          const run = [
            "run",
            "--rootfs",
            root,
            ...flags,
            "--",
            "sh",
            "-c",
            "echo x > /new; cat /new; ls /etc",
          ];
          expect(await box.call(run)).toMatchObject({
            code: 0,
            stderr: "",
            stdout: "x\ngroup\nhosts\npasswd\n",
          });
        }
        expect(existsSync(`${root}/new`)).toBe(false);
        expect(readFileSync(`${upper}/upper/new`, "utf8")).toBe("x\n");
        const volume = ["-v", `${root.replaceAll(":", "\\:")}:/in:O`];
        const over = await box.call([
          "run",
          "--rootfs",
          root,
          ...volume,
          "--",
          "sh",
          "-c",
          "rm /in/etc/passwd",
        ]);
        expect(over).toMatchObject({ code: 0, stderr: "" });
        expect(existsSync(`${root}/etc/passwd`)).toBe(true);
        const quoted = `"src=${root}"`;
        const long = await box.call([
          "run",
          "--host",
          "--mount",
          `type=bind,${quoted},dst=/mnt`,
          "--",
          "ls",
          "/mnt/etc",
        ]);
        expect(long).toMatchObject({ stdout: "group\nhosts\npasswd\n", stderr: "" });
      }
    });

    test.skipIf(!isRoot)(
      "hundreds of entries of any name beside a mount in the home: they can be changed, renamed, removed",
      async () => {
        await using box = new Sandbox(subject);
        const { dir, run } = home(box);
        mkdirSync(`${dir}/mounted`);
        const fill = `for i in $(seq 400); do echo $i > f$i; done; mkdir $(seq -f d%g 400) .git
          for name in a:b a,b 'a\\b' "$(printf 'a\\nb')" "$(printf 'a\\351')" 'a"b' "a'b" '%s' -n '*'; do
            mkdir "./dir $name"; echo x > "./$name"; ln -s "$name" "./link $name"; done
          printf 'PATH=x\\n' > .profile; printf '[core]\\n\\tbare = false\\n' > .git/config`;
        const argv = [...caller.prefix, "sh", "-c", fill];
        expect(Bun.spawnSync(argv, { cwd: dir, stderr: "pipe" }).stderr.toString()).toBe("");
        const count = readdirSync(dir, { encoding: "buffer" }).filter(([first]) => first !== 0x2e).length;
        const script = `set -- *; echo $#; for f in f* a* %s -n '*'; do echo y >> "./$f" && mv "./$f" "./x$f" || exit 9; done
          rm ./x* || exit 7
          for d in d[0-9]* "dir "*; do echo z > "./$d/z" || exit 8; done; cat 'dir *'/z 'dir -n'/z
          echo more >> .profile; sed -i s/PATH/WAY/ .profile; cat .profile
          git config --file .git/config user.name me; git config --file .git/config user.name; ls | grep -c '^[fa]'; true`;
        const outcome = await run(script, mounted(`${dir}/mounted`));
        expect(outcome).toMatchObject({
          code: 0,
          stderr: "",
          stdout: `${count}\nz\nz\nWAY=x\nmore\nme\n0\n`,
        });
        expect(readFileSync(`${dir}/.profile`, "utf8")).toBe("PATH=x\n");
      },
    );

    test("--rootfs --overlay none: all of it is there, read-only", async () => {
      await using box = new Sandbox(subject);
      const root = makeRootfs(ownedDir(caller, `${box.dir}/root`), caller);
      writeFileSync(`${root}/file`, "in the root\n");
      const script = "cat /file; ls /etc; touch /file /etc/x 2>/dev/null || echo read-only";
      const run = ["run", "--rootfs", root, "--overlay", "none", "--", "sh", "-c", script];
      expect(await box.call(run)).toMatchObject({
        code: 0,
        stderr: "",
        stdout: "in the root\ngroup\nhosts\npasswd\nread-only\n",
      });
    });

    test.skipIf(!isRoot)(
      "--rootfs with mounts below it: all of it is there, and can be written",
      async () => {
        await using box = new Sandbox(subject);
        const root = makeRootfs(ownedDir(caller, `${box.dir}/root`), caller);
        mkdirSync(`${root}/mnt/deep`, { recursive: true });
        writeFileSync(`${root}/file`, "in the root\n");
        if (isRoot) chownSync(`${root}/file`, caller.uid, caller.gid);
        const script = `cat /file; echo more >> /file; mv /file /mnt/file; cat /mnt/file; rm /etc/passwd; ls /etc
        echo x > /mnt/deep/x && cat /mnt/deep/x`;
        const run = ["run", "--rootfs", root, "--", "sh", "-c", script];
        expect(await box.call(run, mounted(`${root}/mnt/deep`))).toMatchObject({
          code: 0,
          stderr: "",
          stdout: "in the root\nin the root\nmore\ngroup\nhosts\nx\n",
        });
        expect(readFileSync(`${root}/file`, "utf8")).toBe("in the root\n");
        expect(existsSync(`${root}/etc/passwd`)).toBe(true);
      },
    );

    test.skipIf(!isRoot)(
      "a busy directory beside a mount: what vanishes is left out, without a word",
      async () => {
        await using box = new Sandbox(subject);
        const { run } = home(box);
        const busy = ownedDir(caller, `${box.dir}/busy`, 0o777);
        mkdirSync(`${busy}/mounted`);
        writeFileSync(`${busy}/stays`, "");
        const churn = `i=0; while :; do i=$((i+1)); echo x > f$i; mkdir d$i; ln -s f$i l$i; mkfifo p$i
        j=$((i-9)); rm -rf f$j d$j l$j p$j; done`;
        const churning = Bun.spawn(["sh", "-c", churn], { cwd: busy, stderr: "ignore" });
        try {
          for (let i = 0; i < BUSY_RUNS; i++) {
            expect(await run(`ls ${busy}/stays`, mounted(`${busy}/mounted`))).toMatchObject({
              code: 0,
              stderr: "",
              stdout: `${busy}/stays\n`,
            });
          }
        } finally {
          churning.kill("SIGKILL");
          await churning.exited;
        }
      },
    );

    test.skipIf(!isRoot)(
      "mounts that come and go while a container is made: it is made all the same",
      async () => {
        await using box = new Sandbox(subject);
        const { run } = home(box);
        const at = ownedDir(caller, `${box.dir}/come and go`);
        // What is there of /dev/shm has to be covered: brun may keep its state there.
        const script = `(while [ -d /proc/$$ ]; do
        mount -t tmpfs none "$1"; mkdir "$1/shm"; mount --bind /dev/shm "$1/shm"; umount "$1/shm" "$1"
      done) 2>/dev/null & shift; exec "$@"`;
        const under = ["unshare", "--mount", "sh", "-c", script, "sh", at];
        for (let i = 0; i < BUSY_RUNS; i++) {
          const outcome = await run("echo made", { under }, ["--overlay", "none", "--network", "none"]);
          expect(outcome).toMatchObject({ code: 0, stderr: "", stdout: "made\n" });
        }
      },
    );

    test.skipIf(!isRoot)(
      "files and directories beside a mount can be changed, also if there are thousands",
      async () => {
        await using box = new Sandbox(subject);
        const { dir, run } = home(box);
        const names = Array.from({ length: 1500 }, (_, i) => i);
        const own = (path: string) => chownSync(path, caller.uid, caller.gid);
        mkdirSync(`${dir}/mounted`);
        for (const i of names) {
          writeFileSync(`${dir}/file${i}`, `${i}\n`);
          own(`${dir}/file${i}`);
          if (i < 500) own(ownedDir(caller, `${dir}/dir${i}`));
        }
        const script = `ls | wc -l; echo more >> file7; mv file7 file8; cat file8; rm file9; touch dir3/x new
        stat -c %a.%Y file10; ls | wc -l`;
        const { mtimeMs } = await Bun.file(`${dir}/file10`).stat();
        const stdout = `2001\n7\nmore\n644.${Math.floor(mtimeMs / 1000)}\n2000\n`;
        const outcome = await run(script, mounted(`${dir}/mounted`));
        expect(outcome).toMatchObject({ code: 0, stderr: "", stdout });
        expect(readFileSync(`${dir}/file7`, "utf8")).toBe("7\n");
        expect(existsSync(`${dir}/new`)).toBe(false);
      },
    );

    if (!isUser) return;

    test("the caller's id is the only one: no newuidmap, nothing of other ids in --upper, exec", async () => {
      await using box = new Sandbox(subject);
      const { dir, run } = home(box);
      const upper = ownedDir(caller, `${box.dir}/upper`);
      const script = `cat /proc/self/uid_map /proc/self/gid_map | tr -s ' '; mkdir -p made/deep; echo x > made/deep/x; rm -rf gone`;
      mkdirSync(`${dir}/gone`);
      chownSync(`${dir}/gone`, caller.uid, caller.gid);
      const hidden = isRoot ? { binds: { "/dev/null": Bun.which("newuidmap") ?? "/usr/bin/newuidmap" } } : {};
      const outcome = await run(script, hidden, ["--upper", upper]);
      const { uid, gid } = caller;
      expect(outcome).toMatchObject({ code: 0, stderr: "", stdout: ` ${uid} ${uid} 1\n ${gid} ${gid} 1\n` });
      expect(Bun.spawnSync([...caller.prefix, "rm", "-rf", upper]).stderr.toString()).toContain(box.dir);
      expect(existsSync(`${upper}/upper`)).toBe(false);
      const id = box.name();
      await box.ok(["run", "--host", "-d", "--name", id, "--", "sleep", "1000"]);
      expect((await box.exec(id, "id -u")).stdout).toBe(`${uid}\n`);
      await box.ok(["delete", "--force", id]);
    });

    test("three deep: where overlays have an end everything is there, read-only, and one line says so", async () => {
      await using box = new Sandbox(subject);
      const { dir } = home(box);
      const nested = [
        "run",
        "--host",
        "--security-opt",
        "seccomp=unconfined",
        "--security-opt",
        "unmask=ALL",
      ];
      const inner = (n: number) => [brunPath(), "--root", `/tmp/brun-${n}`, ...nested, "--"];
      const program = ["sh", "-c", "cat notes; id -u"];
      box.file("home/notes", "mine\n");
      const argv = [...nested, "--", ...inner(1), ...inner(2), ...program];
      const { stdout, stderr, code } = await box.call(argv, { cwd: dir, env: { HOME: dir } });
      expect({ stdout, code }).toEqual({ stdout: `mine\n${caller.uid}\n`, code: 0 });
      expect(stderr.split("\n").length).toBeLessThanOrEqual(2);
    });

    test("what the caller cannot write outside it cannot write inside", async () => {
      await using box = new Sandbox(subject);
      const { run } = home(box);
      const script =
        "for dir in / /usr /etc /root; do test -w $dir && echo $dir; done; ls /root; touch /tmp/x && echo ok";
      const { stdout, stderr } = await run(script);
      expect(stdout).toBe("ok\n");
      expect(stderr).toContain("/root");
    });

    test.skipIf(!isRoot)("a home of mode 0700 whose group has no id in the container", async () => {
      await using box = new Sandbox(subject);
      const { dir, run } = home(box);
      box.file("home/notes", "mine\n");
      ownedDir(caller, `${dir}/project`, 0o700);
      for (const path of [dir, `${dir}/project`]) chownSync(path, caller.uid, 0);
      const script = "ls; echo more >> notes; cat notes; ls project; touch new";
      expect(await run(script)).toMatchObject({
        code: 0,
        stderr: "",
        stdout: "notes\nproject\nmine\nmore\n",
      });
      expect(readFileSync(`${dir}/notes`, "utf8")).toBe("mine\n");
    });

    test.skipIf(!isRoot)(
      "a project that a group shares: what cannot be changed is told; fuse-overlayfs does it",
      async () => {
        await using box = new Sandbox(subject);
        const { run } = home(box);
        const team = `${box.dir}/team`;
        mkdirSync(`${team}/sub`, { recursive: true });
        writeFileSync(`${team}/file`, "theirs\n");
        for (const path of [team, `${team}/sub`, `${team}/file`]) {
          chownSync(path, 0, caller.gid);
          host("chmod", "g+rwX", path);
        }
        const script = "echo new > new && cat new; echo more >> file && cat file; touch sub/x && echo sub";
        const told = `brun: warning: files of other users or groups in ${team} cannot be changed (EOVERFLOW)`;
        const kernel = await run(script, { cwd: team }, ["--overlay", "kernel"]);
        expect(kernel.stderr).toStartWith(told);
        expect(kernel.stdout).toBe("new\n");
        if (!installed("fuse-overlayfs") || !installed("fusermount3") || !existsSync("/etc/mtab")) return;
        host("mknod", "-m", "666", `${box.dir}/fuse`, "c", "10", "229");
        const device = { binds: { [`${box.dir}/fuse`]: "/dev/fuse" } };
        const auto = await run(script, { cwd: team, ...device });
        expect(auto).toMatchObject({ code: 0, stderr: "", stdout: "new\ntheirs\nmore\nsub\n" });
        expect(readFileSync(`${team}/file`, "utf8")).toBe("theirs\n");
        const kept = ownedDir(caller, `${box.dir}/kept`);
        const keeping = () =>
          run("echo kept >kept", { cwd: team, ...device }, ["--overlay", "fuse", "--upper", kept]);
        expect(await keeping()).toMatchObject({ code: 0, stderr: "" });
        expect(readFileSync(`${kept}/upper${team}/kept`, "utf8")).toBe("kept\n");
        host("mv", `${kept}/upper`, `${kept}/moved`);
        symlinkSync(team, `${kept}/upper`);
        expect((await keeping()).stderr).toStartWith(`brun: --upper: ${kept}/upper is a symbolic link`);
        expect(existsSync(`${team}/kept`)).toBe(false);
        rmSync(`${box.dir}/fuse`);
      },
    );

    test.skipIf(!isRoot)("a bind source that only a supplementary group reaches", async () => {
      await using box = new Sandbox(subject);
      const source = `${box.dir}/source`;
      mkdirSync(`${source}/data`, { recursive: true });
      writeFileSync(`${source}/data/file`, "reached\n");
      chownSync(source, 0, 50);
      host("chmod", "750", source);
      const groups = ["setpriv", `--reuid=${caller.uid}`, `--regid=${caller.gid}`, "--groups=50", "--"];
      for (const many of [false, true]) {
        const bundle = box.bundle((spec) => {
          spec.process.args = ["/bin/sh", "-c", "cat /in/file; id -G"];
          spec.mounts.push({
            destination: "/in",
            type: "bind",
            source: `${source}/data`,
            options: ["rbind", "ro"],
          });
          if (!many) return;
          // Subordinate ids, and so a process that may set its groups.
          const { uidMappings: _u, gidMappings: _g, ...linux } = spec.linux;
          spec.linux = linux;
        });
        const argv = [
          ...groups,
          ...box.argv(["run", "--bundle", bundle, box.name()]).slice(caller.prefix.length),
        ];
        const { stdout, stderr } = Bun.spawnSync(argv, { cwd: box.dir, env: { ...box.env } });
        expect(stderr.toString()).toBe("");
        expect(stdout.toString()).toStartWith("reached\n");
        // None of the caller's groups is the container's.
        if (many) expect(stdout.toString()).toBe("reached\n0\n");
      }
    });

    test("hundreds of bind mounts, when root of the container is not the caller", async () => {
      await using box = new Sandbox(subject);
      const { stdout, stderr } = await box.sh("ls /dev/in | wc -l; id -u", (spec) => {
        spec.linux.uidMappings = subordinate(caller, "/etc/subuid");
        spec.linux.gidMappings = subordinate(caller, "/etc/subgid");
        for (let i = 0; i < 600; i++)
          spec.mounts.push({ destination: `/dev/in/${i}`, type: "bind", source: box.dir, options: ["bind"] });
      });
      expect({ stdout, stderr }).toEqual({ stdout: "600\n0\n", stderr: "" });
    });

    test("the owner of a tmpfs that has no id in the container is dropped with a warning", async () => {
      await using box = new Sandbox(subject);
      const { stdout, stderr } = await box.sh("stat -c %u /data", (spec) => {
        spec.mounts.push({ destination: "/data", type: "tmpfs", source: "tmpfs", options: ["uid=4000000"] });
      });
      expect(stdout).toBe("0\n");
      expect(stderr).toMatch(/^brun: warning: mounts\[\d+\]: drop uid=4000000: the id is not mapped .*\n$/);
    });
  });
}
