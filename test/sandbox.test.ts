/** `brun run --host` and `brun run --rootfs`: containers without a bundle. */
import { describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { hostname } from "node:os";
import { host, installed, isRoot, ownedDir } from "./support/caller.ts";
import { until } from "./support/processes.ts";
import { makeRootfs } from "./support/rootfs.ts";
import { subjects } from "./support/runtime.ts";
import { type CallOptions, Sandbox } from "./support/sandbox.ts";
import { shows } from "./support/terminal.ts";

for (const subject of subjects(["brun"])) {
  const { caller } = subject;
  const isUser = caller.uid !== 0;

  /** A home directory with a secret and a file, and a way to run things in it. */
  function home(box: Sandbox) {
    const dir = ownedDir(caller, `${box.dir}/home`);
    ownedDir(caller, `${dir}/.ssh`, 0o700);
    box.file("home/.ssh/id_ed25519", "the key\n", 0o600);
    box.file("home/.netrc", "the password\n", 0o600);
    box.file("home/notes", "mine\n");
    const env = { HOME: dir, SHELL: "/bin/sh", GITHUB_TOKEN: "secret", EDITOR: "ed" };
    const run = (flags: string[], script: string, options: CallOptions = {}) =>
      box.call(["run", "--host", ...flags, "--", "sh", "-c", script], { cwd: dir, env, ...options });
    return { dir, env, run };
  }

  function rootfs(box: Sandbox): string {
    return makeRootfs(ownedDir(caller, `${box.dir}/root`), caller);
  }

  describe(subject.label, () => {
    test("--host: the caller's own machine, and nothing that is written stays", async () => {
      await using box = new Sandbox(subject);
      const { dir, run } = home(box);
      const script = `id -u; id -g; pwd; cat notes; echo changed > notes; cat notes; touch new
        echo $EDITOR; rm -rf .ssh/none; ls; test -x /usr/bin/env && stat -c %u notes`;
      const { stdout, stderr, code } = await run([], script);
      expect(stderr).toBe("");
      expect(code).toBe(0);
      const { uid, gid } = caller;
      expect(stdout.split("\n")).toEqual(
        [uid, gid, dir, "mine", "changed", "ed", "new", "notes", uid, ""].map(String),
      );
      expect(readFileSync(`${dir}/notes`, "utf8")).toBe("mine\n");
      expect(readdirSync(dir)).not.toContain("new");
      await box.untilGone();
    });

    test("--host: secrets of home and environment are hidden, unless they are asked for", async () => {
      await using box = new Sandbox(subject);
      const { dir, run } = home(box);
      const script =
        "cat .ssh/id_ed25519 .netrc 2>/dev/null; printenv GITHUB_TOKEN || echo none; echo > .netrc";
      expect((await run([], script)).stdout).toBe("none\n");
      expect((await run(["--rw", "."], script)).stdout).toBe("none\n");
      expect(readFileSync(`${dir}/.netrc`, "utf8")).toBe("the password\n");
      expect((await run(["-e", "GITHUB_TOKEN"], script)).stdout).toBe("secret\n");
      const asked = await run(["-v", `~/.ssh:${dir}/.ssh:ro`], script);
      expect(asked.stdout).toBe("the key\nnone\n");
      expect((await run(["--with-secrets"], script)).stdout).toBe("the key\nthe password\nsecret\n");
    });

    test("--host: --hide hides directories and files by every path, also below --rw", async () => {
      await using box = new Sandbox(subject);
      const { dir, run } = home(box);
      ownedDir(caller, `${dir}/project`);
      ownedDir(caller, `${dir}/project/private`);
      box.file("home/project/private/key", "the key\n");
      box.file("home/project/.env", "PASSWORD=1\n");
      symlinkSync("project/private", `${dir}/link`);
      const script = "cat project/private/key link/key project/.env; ls -A project";
      const flags = ["--hide", "link", "--hide", "project/.env"];
      for (const more of [[], ["--rw", "project", "--rw-all"], ["--read-only"]]) {
        const { stdout } = await run([...flags, ...more], script);
        expect(stdout).toBe(".env\nprivate\n");
      }
      const shown = await run([...flags, "-v", "./project/private/key:/tmp/key"], "cat /tmp/key");
      expect(shown.stdout).toBe("the key\n");
      const rootfs = await box.call(["run", "--rootfs", "/", "--hide", "/etc", "--", "true"]);
      expect(rootfs.stderr).toBe("brun: --hide goes with --host; hint: --tmpfs PATH covers one\n");
      expect((await run(["--hide", "none"], "true")).stderr).toBe(
        `brun: --hide none: ${dir}/none does not exist\n`,
      );
    });

    test("--host: --rw leaves a path writable, and nothing else", async () => {
      await using box = new Sandbox(subject);
      const { dir, run } = home(box);
      ownedDir(caller, `${dir}/project`);
      const outcome = await run(["--rw", "project"], "echo out > project/file; echo lost > lost");
      expect(outcome).toMatchObject({ code: 0, stderr: "" });
      expect(readFileSync(`${dir}/project/file`, "utf8")).toBe("out\n");
      expect(existsSync(`${dir}/lost`)).toBe(false);
    });

    if (isRoot && caller.uid !== 0)
      test("--host: a program that may be executed and not read is told, with the line that runs it", async () => {
        await using box = new Sandbox(subject);
        const program = `${box.dir}/program`;
        copyFileSync("/bin/echo", program);
        chmodSync(program, 0o711);
        const argv = ["run", "--host", "--", program, "ran"];
        const { code, stderr } = await box.call(argv);
        const line = `brun run --host -v ${program}:${program}:ro -- ${program} ran`;
        expect([code, stderr.endsWith(`: ${line}\n`)]).toEqual([126, true]);
        const shown = await box.call([
          "run",
          "--host",
          "-v",
          `${program}:${program}:ro`,
          "--",
          program,
          "ran",
        ]);
        expect(shown).toMatchObject({ code: 0, stdout: "ran\n", stderr: "" });
      });

    test("--host: processes, host name and /run are its own", async () => {
      await using box = new Sandbox(subject);
      const { run } = home(box);
      const script =
        "ps -e -o comm= | sort -u | tr '\\n' ' '; hostname; ls -A /run | grep -v -e systemd -e user; echo $$";
      const { stdout } = await run([], script);
      expect(stdout).toMatch(new RegExp(`^brun:.init. (ps|sh|sort|tr) .*${hostname()}\n`, "s"));
      expect(stdout).not.toContain("bun");
      const renamed = await run(["--hostname", "elsewhere"], "hostname");
      expect(renamed.stdout).toBe("elsewhere\n");
    });

    test("--host: nothing of the old root is mounted, for exec neither", async () => {
      await using box = new Sandbox(subject);
      const { dir, env } = home(box);
      const id = box.name();
      await box.ok(["run", "--host", "-d", "--name", id, "--", "sleep", "1000"], { cwd: dir, env });
      const look =
        "awk '{ print $5, $(NF-2) }' /proc/self/mountinfo; echo x > /tmp/brun-test-escape; cat notes";
      const { stdout } = await box.exec(id, look);
      expect(stdout).toMatch(/^\/ tmpfs$/m);
      expect(stdout).not.toMatch(/^\/ (ext4|overlay|xfs|btrfs)$/m);
      expect(stdout).toEndWith("mine\n");
      expect(existsSync("/tmp/brun-test-escape")).toBe(false);
      await box.ok(["delete", "--force", id]);
    });

    test("--host: exit codes and signals are the program's", async () => {
      await using box = new Sandbox(subject);
      const { dir, env, run } = home(box);
      expect((await run([], "exit 7")).code).toBe(7);
      expect((await run([], "sh -c 'kill -TERM $$'")).code).toBe(143);
      const missing = await box.call(["run", "--host", "--", "nosuchprogram"], { cwd: dir, env });
      expect(missing).toMatchObject({
        code: 127,
        stderr: 'brun: exec: "nosuchprogram": executable file not found in $PATH\n',
      });
      const running = box.spawn(
        ["run", "--host", "--", "sh", "-c", "trap 'exit 3' TERM; echo up; sleep 1000 & wait"],
        {
          cwd: dir,
          env,
        },
      );
      await until("it says something", () => running.stdout() !== "");
      running.kill("SIGTERM");
      expect((await running.done).code).toBe(3);
      await box.untilGone();
    });

    test("--host reads our stdin, and so does --rootfs with -i", async () => {
      await using box = new Sandbox(subject);
      const { run } = home(box);
      expect((await run([], "cat", { stdin: "words" })).stdout).toBe("words");
      const inRootfs = ["run", "--rootfs", rootfs(box)];
      expect((await box.call([...inRootfs, "--", "cat"], { stdin: "words" })).stdout).toBe("");
      expect((await box.call([...inRootfs, "-i", "--", "cat"], { stdin: "words" })).stdout).toBe("words");
    });

    test("-it is a terminal, and so is a shell that is not named; Ctrl-C reaches the program", async () => {
      await using box = new Sandbox(subject);
      await using shell = box.terminal(["run", "--host"]);
      shell.write(`tty; echo $TERM; sh -c 'trap "echo inter""rupted; exit" INT; sleep 50 & wait'\r`);
      await shows(shell, "/dev/pts/0");
      await shows(shell, "xterm");
      await Bun.sleep(300);
      shell.write("\x03");
      await shows(shell, "interrupted");
      shell.write("exit 5\r");
      expect(await shell.exited).toBe(5);
      await using given = box.terminal(["run", "--rootfs", rootfs(box), "-it", "--", "tty"]);
      await shows(given, "/dev/pts/0");
      expect(await given.exited).toBe(0);
    });

    test("--upper keeps what is written, and the next run has it", async () => {
      await using box = new Sandbox(subject);
      const { dir, run } = home(box);
      const upper = ownedDir(caller, `${box.dir}/upper`);
      await run(["--upper", upper], "echo kept > kept; rm notes");
      expect(existsSync(`${dir}/kept`)).toBe(false);
      const again = await run(["--upper", upper], "cat kept; cat notes");
      expect(again.stdout).toBe("kept\n");
      // Beside what was written there is a directory of overlayfs that not even its owner may read.
      const { stdout: files } = Bun.spawnSync(["find", upper, "-name", "kept"], { stderr: "ignore" });
      expect(files.toString()).toMatch(/\/home\/kept\n$/);
      expect(readFileSync(`${dir}/notes`, "utf8")).toBe("mine\n");
    });

    test("--read-only", async () => {
      await using box = new Sandbox(subject);
      const { dir, run } = home(box);
      const { stdout } = await run(["--read-only"], "touch x 2>&1; touch /dev/shm/x && echo shm");
      expect(stdout).toMatch(/Read-only file system\nshm\n$/);
      expect(existsSync(`${dir}/x`)).toBe(false);
    });

    test("--network none has loopback alone; host has the host's", async () => {
      await using box = new Sandbox(subject);
      const { run } = home(box);
      const interfaces = "cut -d: -f1 -s /proc/net/dev | tr -d ' ' | sort";
      expect((await run(["--network", "none"], interfaces)).stdout).toBe("lo\n");
      const ours = host("sh", "-c", interfaces);
      expect((await run([], interfaces)).stdout).toBe(ours);
    });

    test("flags that do not go together, and programs without --, are one line", async () => {
      await using box = new Sandbox(subject);
      const line = async (...args: string[]) => {
        const { stderr, code, stdout } = await box.call(["run", ...args]);
        expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
        return stderr;
      };
      expect(await line("--host", "web", "--", "x")).toBe(
        'brun: run: "web" before "--" may be a name or the program; hint: as a name: brun run --name web --host -- x\n',
      );
      expect(await line("make", "--host")).toContain("hint: brun run --host -- make\n");
      expect(await line("--rootfs", "/", "sh", "-c", "a b", "--", "x")).toContain(
        "if \"sh\" is the program: brun run --rootfs / -- sh -c 'a b' -- x\n",
      );
      expect(await line("--host", "--memroy", "1g", "ls")).toContain(
        "did you mean --memory? see brun run --host --help",
      );
      expect(await line("--host", "-w", "/nope", "ls")).toContain("--workdir: /nope is not there");
      expect((await box.call(["run", "--host", "-w/tmp", "-eA=1", "sh", "-c", "pwd; echo $A"])).stdout).toBe(
        "/tmp\n1\n",
      );
      expect((await box.call(["run", "--host", "--timeout", "0.3", "sleep", "60"])).code).toBe(137);
      const limited = ["run", "--host", "--ulimit", "nofile=64", "--mount", "type=bind,src=/etc,dst=/mnt,ro"];
      expect((await box.call([...limited, "sh", "-c", "ulimit -n; ls /mnt/passwd"])).stdout).toBe(
        "64\n/mnt/passwd\n",
      );
      expect(await line("--rootfs", "/", "a/b", "--", "id")).toStartWith(
        'brun: invalid container ID format: "a/b"',
      );
      expect(await line("--host", "--rootfs", "/")).toContain("exclude each other");
      const none = "no such file or directory (ENOENT)\n";
      expect(await line("--host", "--upper", "/proc/none/x", "--", "ls")).toBe(
        `brun: --upper: mkdir /proc/none: ${none}`,
      );
      expect(await line("--host", "--pid-file", "/proc/none/x", "--", "ls")).toBe(
        `brun: write /proc/none/x: ${none}`,
      );
      expect(await line("--host", "--writable", "--", "ls")).toContain("--writable goes with --rootfs alone");
      expect(await line("--rootfs", "/", "--rw", ".", "--", "ls")).toContain("--rw goes with --host");
      expect(await line("--host", "--bundle", "x", "--", "ls")).toContain(
        "flag provided but not defined: --bundle",
      );
      expect(await line("--rootfs", "/no/such", "--", "ls")).toContain("/no/such");
      if (isUser)
        expect(await line("--host", "-u", "99999:99999999", "--", "ls")).toStartWith("brun: --user: ");
      expect(await line("--host", "-v", "/none:/x", "--", "ls")).toBe(
        "brun: -v /none:/x: /none does not exist\n",
      );
    });

    if (isUser) {
      test("other users' ids are there: -u, and files of theirs", async () => {
        await using box = new Sandbox(subject);
        const { run, dir } = home(box);
        const { stdout } = await run(
          ["-u", "root", "--cap-add", "ALL"],
          "id -u; touch a; chown 33 a; stat -c %u a notes",
        );
        expect(stdout).toBe("0\n33\n0\n");
        expect(existsSync(`${dir}/a`)).toBe(false);
        expect((await run(["-u", "daemon"], "id -un")).stdout).toBe("daemon\n");
      });

      test.skipIf(!installed("bwrap"))("as bwrap shows the machine, but for what is hidden", async () => {
        await using box = new Sandbox(subject);
        const { run, dir, env } = home(box);
        const script =
          "id -u; id -un; ls /usr /etc / ~ | grep -v 'lost+found'; readlink /bin; umask; cat notes";
        const bwrap = Bun.spawnSync(
          [
            ...caller.prefix,
            "bwrap",
            "--bind",
            "/",
            "/",
            "--dev",
            "/dev",
            "--proc",
            "/proc",
            "--unshare-pid",
            "sh",
            "-c",
            script,
          ],
          { cwd: dir, env: { ...box.env, ...env } },
        );
        expect((await run([], script)).stdout).toBe(bwrap.stdout.toString());
      });
    }
  });
}
