/** `run --host` in homes: mounts over and in them, secrets wherever they are, and what --upper keeps of them. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { host, isRoot, ownedDir } from "./support/caller.ts";
import { until } from "./support/processes.ts";
import { subjects } from "./support/runtime.ts";
import { type CallOptions, Sandbox } from "./support/sandbox.ts";

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  /** A home with secrets and a project, in which the program starts. */
  function home(box: Sandbox) {
    const dir = ownedDir(caller, `${box.dir}/home`, 0o700);
    for (const path of [".ssh", ".config", ".config/gh", "project", "fake"])
      ownedDir(caller, `${dir}/${path}`);
    box.file("home/.ssh/id", "the key\n", 0o600);
    box.file("home/.config/gh/hosts.yml", "the token\n", 0o600);
    box.file("home/.netrc", "the password\n", 0o600);
    box.file("home/notes", "mine\n");
    box.file("home/project/Makefile", "all:\n");
    const options: CallOptions = { cwd: `${dir}/project`, env: { HOME: dir } };
    const run = (flags: string[], script: string, more: CallOptions = {}) =>
      box.call(["run", "--host", ...flags, "--", "sh", "-c", script], { ...options, ...more });
    return { dir, options, run };
  }

  describe(subject.label, () => {
    test("a tmpfs over a home hides all of it but what is asked for", async () => {
      await using box = new Sandbox(subject);
      const { dir, run } = home(box);
      const look = "ls -A ~ | tr '\\n' ' '; ls; touch ~/new && echo writable";
      for (const flag of [`--tmpfs=${dir}`, "--tmpfs=~", "--mount=type=tmpfs,dst=~"]) {
        for (const more of [[], ["--read-only"], ["--overlay", "none"]]) {
          const { stdout, stderr, code } = await run([flag, "--rw", ".", ...more], look);
          expect({ stdout, stderr, code }).toEqual({
            stdout: "project Makefile\nwritable\n",
            stderr: "",
            code: 0,
          });
        }
      }
      const keys = await run(["--tmpfs", "~", "-v", "~/.ssh:~/.ssh:ro", "-w", "~"], "ls -A; cat .ssh/id");
      expect(keys).toMatchObject({ stdout: ".ssh\nthe key\n", stderr: "" });
      const empty = await run(["--tmpfs", "~"], "pwd; ls -A");
      expect(empty.stdout).toBe(`${dir}/project\n`);
      expect(empty.stderr).toBe(
        `brun: warning: --tmpfs ~ hides the current directory, ${dir}/project: it is empty; --rw . or -v .:. shows it, -w PATH starts elsewhere\n`,
      );
      // One that begins with what is there does not begin with what is hidden.
      const copied = await run(["--tmpfs", "~:tmpcopyup"], "cat ~/notes ~/.netrc ~/.ssh/id");
      expect(copied.stdout).toBe("mine\n");
      expect(existsSync(`${dir}/new`)).toBe(false);
    });

    test("mounts in a home, below and over what is hidden", async () => {
      await using box = new Sandbox(subject);
      const { dir, run } = home(box);
      const config = await run(
        ["--tmpfs", "~/.config"],
        "ls -A ~/.config; touch ~/.config/x; ls ~; cat ~/.ssh/id",
      );
      expect(config.stdout).toBe("fake\nnotes\nproject\n");
      const fake = await run(["-v", "../fake:~/.config"], "touch ~/.config/made");
      expect(fake).toMatchObject({ code: 0, stderr: "" });
      expect(readdirSync(`${dir}/fake`)).toEqual(["made"]);
      const whole = await run(["-v", "../fake:~", "-w", "~"], "ls -A");
      // brun's own state below a home is covered, for which its directories are made.
      expect(whole).toMatchObject({
        code: 0,
        stderr: "",
        stdout: expect.stringMatching(/^(\.\w+\n)*made\n$/),
      });
      const deep = await run(["--tmpfs", "~/.ssh/a/b"], "cat ~/.ssh/id; ls -A ~/.ssh");
      expect(deep.stdout).toBe("a\n");
      const away = await run(["-v", "/usr:~"], "true");
      expect(away.stderr).toBe(
        `brun: -v /usr:~ hides the current directory, ${dir}/project; hint: -w PATH starts the program elsewhere\n`,
      );
      const file = await run(
        ["--rw", "~", "--tmpfs", "~/notes:size=4k"],
        "cat ~/notes; stat -c '%F %a' ~/notes; echo new > ~/notes; cat ~/notes; yes > ~/notes",
      );
      expect(file.stdout).toBe("regular empty file 644\nnew\n");
      expect(file.stderr).toContain("No space left on device");
      expect(readFileSync(`${dir}/notes`, "utf8")).toBe("mine\n");
      const readOnly = await run(["--mount", "type=tmpfs,dst=~/notes,ro"], "echo x > ~/notes");
      expect(readOnly.stderr).toContain("Read-only file system");
      const rootfs = await box.call(["run", "--rootfs", "/", "--tmpfs", "~", "--", "true"]);
      expect(rootfs.stderr).toBe(
        "brun: --tmpfs ~: ~ is not absolute; hint: a path in the container begins with /\n",
      );
    });

    test("secrets are hidden wherever homes, links and variables say that they are, and by every path", async () => {
      await using box = new Sandbox(subject);
      const { dir } = home(box);
      const other = ownedDir(caller, `${box.dir}/other`);
      const runtime = ownedDir(caller, `${box.dir}/runtime`, 0o700);
      for (const path of ["home/keys", "home/.kube", "other/cargo", "other/gh", "runtime/containers"])
        ownedDir(caller, `${box.dir}/${path}`);
      const files = [
        "home/keys/kube",
        "other/cargo/credentials.toml",
        "other/gh/hosts.yml",
        "other/aws",
        "other/token",
      ];
      for (const path of [...files, "runtime/containers/auth.json"]) box.file(path, "a secret\n", 0o600);
      box.file("home/project/sa.json", "a secret\n");
      symlinkSync(dir, `${box.dir}/link`);
      symlinkSync("../keys/kube", `${dir}/.kube/config`);
      const elsewhere = {
        XDG_CONFIG_HOME: other,
        CARGO_HOME: `${other}/cargo`,
        AWS_CONFIG_FILE: `${box.dir}/link/../other/aws`,
        VAULT_TOKEN_FILE: `${other}/token`,
        GOOGLE_APPLICATION_CREDENTIALS: "sa.json",
        XDG_RUNTIME_DIR: runtime,
      };
      const shown = ["home/.ssh/id", "home/.config/gh/hosts.yml", "home/.netrc", "home/project/sa.json"];
      const all = [...shown, ...files, "runtime/containers/auth.json"].map((path) => `${box.dir}/${path}`);
      const look = `cat ${all.join(" ")} ~/.ssh/id ~/.kube/config ${box.dir}/link/.ssh/id 2> /dev/null; cat ~/notes`;
      for (const HOME of [dir, `${box.dir}/link`])
        for (const flags of [[], ["--rw", "."], ["--read-only"], ["--overlay", "none"]]) {
          const options = { cwd: `${dir}/project`, env: { HOME, ...elsewhere } };
          const { stdout } = await box.call(["run", "--host", ...flags, "--", "sh", "-c", look], options);
          expect({ flags, HOME, stdout }).toEqual({ flags, HOME, stdout: "mine\n" });
        }
    });

    test("a directory of secrets that one works in stays, and is told", async () => {
      await using box = new Sandbox(subject);
      const { dir, run } = home(box);
      const there = await run([], "cat id ~/.netrc", { cwd: `${dir}/.ssh` });
      expect(there.stdout).toBe("the key\n");
      expect(there.stderr).toContain(
        `brun: warning: not hidden, since your home or the current directory is in it: ${dir}/.ssh\n`,
      );
    });

    test("-v /:PATH is the host's root, and nothing of how the copy is made", async () => {
      await using box = new Sandbox(subject);
      const { dir, run } = home(box);
      const { stdout, stderr } = await run(
        ["-v", "/:/mnt"],
        `cat /mnt${dir}/notes; ls -d /mnt/usr/bin /mnt/upper* /mnt/work0`,
      );
      expect(stdout).toBe("mine\n/mnt/usr/bin\n");
      expect(stderr).not.toContain("brun:");
    });

    test("--upper in the current directory is not seen inside, neither by the copy nor by --rw or -v", async () => {
      await using box = new Sandbox(subject);
      const { dir, run } = home(box);
      for (const more of [[], ["--rw", "."], ["-v", ".:/x"]]) {
        const script = "echo kept > ~/kept; ls; ls -A changes /x/changes; rm -rf changes; mv changes away";
        const { stdout, stderr } = await run(["--upper", "changes", ...more], `${script}; true`);
        expect(stdout.replaceAll(/^\/?.*changes:$\n|^\n/gm, "")).toBe("Makefile\nchanges\n");
        expect(stderr).toMatch(/busy/);
        const again = await run(["--upper", "changes", ...more], "cat ~/kept");
        expect(again).toMatchObject({ stdout: "kept\n", stderr: "" });
        expect(
          Bun.spawnSync(["find", `${dir}/project/changes/upper`, "-name", "changes"]).stdout.toString(),
        ).toBe("");
        // The work directories of overlays are mode 000, which stops an ordinary user.
        host("chmod", "-R", "u+rwX", `${dir}/project/changes`);
        rmSync(`${dir}/project/changes`, { recursive: true });
      }
    });

    test("two runs with one --upper: the second is refused until the first has ended", async () => {
      await using box = new Sandbox(subject);
      const { dir, options, run } = home(box);
      const refused = `brun: --upper: container "first" writes to ${dir}/project/changes; hint: wait until it has ended, or name another directory\n`;
      const upper = ["--upper", "changes"];
      const first = box.spawn(
        ["run", "--host", ...upper, "--name", "first", "--", "sh", "-c", "echo up; sleep 1000"],
        options,
      );
      await until("the first has begun", () => first.stdout() !== "");
      expect(await run(upper, "true")).toMatchObject({ code: 1, stderr: refused });
      first.kill("SIGTERM");
      await first.done;
      expect(await run(upper, "echo ran")).toMatchObject({ stdout: "ran\n", stderr: "" });
      await box.ok(["run", "--host", ...upper, "-d", "--name", "first", "--", "sleep", "1000"], options);
      expect(await run([...upper, "--overlay", "none"], "true")).toMatchObject({ code: 1, stderr: refused });
      await box.ok(["delete", "--force", "first"]);
      expect(await run(upper, "echo ran")).toMatchObject({ stdout: "ran\n", stderr: "" });
      // Another container of that name has it no more.
      await box.ok(["run", "--host", "-d", "--name", "first", "--", "sleep", "1000"], options);
      expect(await run(upper, "echo ran")).toMatchObject({ stdout: "ran\n", stderr: "" });
      await box.ok(["delete", "--force", "first"]);
    });

    test.skipIf(!isRoot)("--upper and a mount in the home: what is not kept is told", async () => {
      await using box = new Sandbox(subject);
      const { dir, run } = home(box);
      mkdirSync(`${dir}/mounted`);
      const mount = 'mount -t tmpfs none "$1"; shift; exec "$@"';
      const under = ["unshare", "--mount", "sh", "-c", mount, "sh", `${dir}/mounted`];
      const kept = await run(["--upper", "changes"], "echo x > ~/notes; echo y > built", { under });
      expect(kept.stderr).toBe(
        `brun: warning: --upper does not keep the files that are directly in ${dir}, since there are mounts below it\n`,
      );
      expect((await run(["--upper", "changes"], "cat built ~/notes")).stdout).toBe("y\nmine\n");
      expect(readFileSync(`${dir}/notes`, "utf8")).toBe("mine\n");
    });
  });
}
