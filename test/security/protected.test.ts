/**
 * `--rw DIR`: a program that can write to a project leaves nothing there that the host runs by itself, and brun leaves
 * nothing there for it, however it is killed.
 */
import { describe, expect, test } from "bun:test";
import {
  chownSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { type Caller, ownedDir } from "../support/caller.ts";
import { until } from "../support/processes.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";

/** Runs that are killed, or as many as BRUN_PROTECT_KILLS says. */
const KILLS = Number(process.env.BRUN_PROTECT_KILLS ?? 6);

const NAMES =
  ".gitmodules .envrc .mcp.json .vscode .idea .claude .husky .git/hooks .git/config .git/commondir";

/** Each way to make, change or replace one of them. $E is a file of the program's own. */
const ATTACK = `
exec 2>/dev/null
evil() { printf '[core]\\n fsmonitor = touch EVIL\\n' >"$1"; }
mkdir E; evil E/x; mkdir E/d; evil E/d/x
for name in ${NAMES}; do
  evil $name; evil $name/x; mkdir $name; ln -s E/x $name; ln E/x $name; mkfifo $name
  mv E/x $name; mv -T E/d $name; cp -r E/d $name; chmod 777 $name; touch $name
  rm -rf $name; rmdir $name; unlink $name; mv $name E/moved; evil $name; mv E/x $name
done
python3 -c 'import ctypes,os,sys
c = ctypes.CDLL(None)
for name in sys.argv[1:]:
  for flags in (0, 1, 2): c.renameat2(-100, b"E/x", -100, name.encode(), flags)
  for flags in (os.O_WRONLY, os.O_RDWR | os.O_TRUNC, os.O_WRONLY | os.O_CREAT):
    try: os.write(os.open(name, flags), b"evil")
    except OSError: pass
  try:
    fd = os.open(".", os.O_TMPFILE | os.O_RDWR)
    os.link("/proc/self/fd/%d" % fd, name, follow_symlinks=True)
  except OSError: pass' ${NAMES}
mv .git E/git; mv -T E/d .git; ln -sfn E .git; mv -T .git .g; rm -rf .git
mv "$PWD" "$PWD-moved"; mount --bind E .git; umount -l .git/config; unshare -Urm umount .git/config
git config core.fsmonitor evil; git config --worktree core.fsmonitor evil; git init; git init --separate-git-dir E/sep
for fd in /proc/self/cwd /proc/1/cwd /proc/1/root$PWD /proc/self/root$PWD; do evil $fd/.envrc; evil $fd/.git/config; evil $fd/.vscode/x; done
true`;

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

/** A project with a repository, and another with some of the names already in use. */
async function project(box: Sandbox, caller: Caller, full: boolean): Promise<string> {
  const home = ownedDir(caller, `${box.dir}/home`);
  const path = ownedDir(caller, `${home}/project`);
  box.file("home/project/a", "a\n");
  for (const name of full ? [".vscode", ".husky"] : []) ownedDir(caller, `${path}/${name}`);
  if (full)
    for (const name of [".vscode/tasks.json", ".envrc", ".mcp.json"])
      box.file(`home/project/${name}`, "{}\n");
  const script = `git init -q && git config user.email a@b && git config user.name n && git add -A && git commit -qm a ${full ? "" : "&& rm -rf .git/hooks"}`;
  const made = Bun.spawnSync([...caller.prefix, "sh", "-c", `cd ${path} && ${script}`], {
    env: { HOME: home, PATH: process.env.PATH! },
  });
  expect([made.exitCode, made.stderr.toString()]).toEqual([0, ""]);
  return path;
}

/** Where git of the host looks for what it runs; the rest of a git directory is the program's. Directories of brun's own. */
const PASSED = /^\.git\/(?!hooks|config|commondir)|^\.(cache|local)\b/;

/** All of the tree but that, with what is in files. */
function tree(path: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
    const at = `${entry.parentPath}/${entry.name}`;
    const name = at.slice(path.length + 1);
    if (PASSED.test(name)) continue;
    found[name] = entry.isFile() ? readFileSync(at, "latin1") : String(entry.isDirectory());
  }
  return found;
}

/** The same while things go. */
function safely(path: string): Record<string, string> | null {
  try {
    return tree(path);
  } catch {
    return null;
  }
}

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  describe(subject.label, () => {
    for (const full of [false, true]) {
      test(`--rw: nothing that the host runs by itself is made, changed or replaced${full ? "" : ", where there is none"}`, async () => {
        await using box = new Sandbox(subject);
        const cwd = await project(box, caller, full);
        const env = { HOME: `${box.dir}/home` };
        const before = tree(cwd);
        for (const flags of full
          ? [["--rw", ".."]]
          : [
              ["--rw", "."],
              ["--rw", "..", "--rw", "."],
            ]) {
          const argv = ["run", "--host", ...flags, "--", "sh", "-c", ATTACK];
          expect(await box.call(argv, { cwd, env })).toMatchObject({ code: 0 });
          const script = "rm -rf E EVIL";
          Bun.spawnSync([...caller.prefix, "sh", "-c", `cd ${cwd} && ${script}`]);
          expect(tree(cwd)).toEqual(before);
        }
        // The attack does something where nothing is protected.
        await box.call(["run", "--host", "--rw", ".", "--rw-all", "--", "sh", "-c", ATTACK], { cwd, env });
        expect(safely(cwd)).not.toEqual(before);
      }, 120000);
    }

    test("--rw: a program that the project's git config names cannot be changed, or made", async () => {
      await using box = new Sandbox(subject);
      const cwd = await project(box, caller, false);
      const env = { HOME: `${box.dir}/home`, PATH: process.env.PATH! };
      const set =
        "git config core.fsmonitor ./monitor; git config filter.x.clean 'sh clean.sh'; git config diff.external ./missing";
      Bun.spawnSync([
        ...caller.prefix,
        "sh",
        "-c",
        `cd ${cwd}; echo good >clean.sh; echo good >monitor; ${set}`,
      ]);
      const before = tree(cwd);
      const attack =
        "for f in monitor clean.sh missing; do echo evil >$f; rm -f $f; echo evil >E; mv E $f; rm -f E; done 2>/dev/null";
      const argv = ["run", "--host", "--rw", ".", "--", "sh", "-c", attack];
      await box.call(argv, { cwd, env });
      expect(tree(cwd)).toEqual(before);
    });

    test("--rw: a directory of somebody else's, in which the caller can make nothing", async () => {
      await using box = new Sandbox(subject);
      const place = "/etc/.envrc";
      const script = `echo evil >${place}; mkdir /etc/.vscode; ls -A /etc | grep -c '^.envrc\\|^.vscode'`;
      const argv = ["run", "--host", "--rw", "/etc", "--", "sh", "-c", script];
      const { code, stdout, stderr } = await box.call(argv);
      expect([code, stderr.match(/brun: .*/)]).toEqual([caller.uid === 0 ? 0 : 1, null]);
      expect(stdout).toBe(caller.uid === 0 ? "2\n" : "0\n");
      expect(existsSync(place)).toBe(false);
    });

    test("--rw: shell start-up files of a home, which are missing or links", async () => {
      await using box = new Sandbox(subject);
      const home = ownedDir(caller, `${box.dir}/home`);
      ownedDir(caller, `${home}/.config`);
      ownedDir(caller, `${home}/dotfiles`);
      box.file("home/dotfiles/bashrc", "one\n");
      Bun.spawnSync([...caller.prefix, "ln", "-s", "dotfiles/bashrc", `${home}/.bashrc`]);
      const before = tree(home);
      const attack = `exec 2>/dev/null; for name in .bashrc .bash_profile .zshenv .gitconfig dotfiles/bashrc .config/autostart; do
        echo evil >$name; rm -f $name; echo evil >E; mv E $name; ln -sf E $name; mkdir $name; done
        mv dotfiles d2; mv .config c2; echo evil >.config/autostart/x; rm -f E; : >written`;
      const env = { HOME: home };
      const shown = await box.call(["run", "--host", "--rw", home, "--", "sh", "-c", attack], {
        cwd: home,
        env,
      });
      expect(shown).toMatchObject({ code: 0 });
      // Meanwhile they look as if they were not there.
      const looks = ["run", "--host", "--rw", home, "--", "sh", "-c", "cat .bash_profile"];
      expect((await box.call(looks, { cwd: home, env })).stderr).toContain("No such file or directory");
      expect(tree(home)).toEqual({ ...before, written: "" });
    });

    test("--rw: files to which start-up files of the home lead: links, includes and hooks of the git config", async () => {
      await using box = new Sandbox(subject);
      const cwd = await project(box, caller, true);
      const home = `${box.dir}/home`;
      for (const name of ["shared", "bashrc", "global"]) box.file(`home/project/${name}`, "one\n");
      box.file("home/.gitconfig", "[include] path = project/shared\n[core] hooksPath = githooks\n");
      Bun.spawnSync([...caller.prefix, "ln", "-s", "project/bashrc", `${home}/.bashrc`]);
      const before = tree(cwd);
      const attack = `exec 2>/dev/null; mkdir E; for name in shared bashrc global githooks githooks/pre-commit; do
        echo evil >$name; rm -f $name; echo evil >E/x; mv E/x $name; ln -sf E $name; mkdir $name; mv $name E/y; mkdir $name; done; rm -rf E`;
      const env = { HOME: home, GIT_CONFIG_GLOBAL: `${cwd}/global` };
      const run = (...flags: string[]) =>
        box.call(["run", "--host", "--rw", ".", ...flags, "--", "sh", "-c", attack], { cwd, env });
      expect(await run()).toMatchObject({ code: 0 });
      expect(tree(cwd)).toEqual(before);
      await run("--rw-all");
      expect(Object.keys(tree(cwd))).toContain("githooks");
    });

    test("--rw: git commit, git switch and npm install work, and git finds nothing new", async () => {
      await using box = new Sandbox(subject);
      const cwd = await project(box, caller, false);
      ownedDir(caller, `${cwd}/dep`);
      box.file("home/project/dep/package.json", '{"name":"dep","version":"1.0.0"}\n');
      box.file(
        "home/project/package.json",
        '{"name":"p","version":"1.0.0","dependencies":{"dep":"file:dep"}}\n',
      );
      const script = `set -e; echo b >b; git switch -qc other; git add -A; git commit -qm b; git switch -q -; git stash list
        git switch -q other; git status --porcelain; npm install --offline --no-audit --no-fund >/dev/null; test -e node_modules/dep
        git gc -q; git status --porcelain`;
      const env = { HOME: `${box.dir}/home`, npm_config_cache: `${box.dir}/home/cache` };
      const { stdout, stderr, code } = await box.call(
        ["run", "--host", "--rw", ".", "--", "sh", "-c", script],
        { cwd, env },
      );
      expect({ stdout, stderr, code }).toMatchObject({
        code: 0,
        stdout: "?? node_modules/\n?? package-lock.json\n",
      });
      const log = Bun.spawnSync([...caller.prefix, "git", "-C", cwd, "log", "--format=%s", "other"], {
        env: { ...env, PATH: process.env.PATH! },
      });
      expect(log.stdout.toString()).toBe("b\na\n");
      expect(readdirSync(cwd).sort()).toEqual([
        ".git",
        "a",
        "b",
        "dep",
        "node_modules",
        "package-lock.json",
        "package.json",
      ]);
    }, 60000);

    test(`${KILLS} runs with --rw that are killed leave no name`, async () => {
      await using box = new Sandbox(subject);
      const cwd = await project(box, caller, false);
      const before = tree(cwd);
      const env = { HOME: `${box.dir}/home` };
      const attack = `exec 2>/dev/null; while :; do for name in ${NAMES}; do echo evil >$name; mkdir $name; done; done`;
      let seen = 0;
      for (let i = 0; i < KILLS; i++) {
        const running = box.spawn(["run", "--host", "--rw", ".", "--", "sh", "-c", attack], { cwd, env });
        // Some before the names are taken, some while the container is made, most while it runs.
        if (i % 4 !== 0) await until("names are taken", () => existsSync(`${cwd}/.envrc`));
        await Bun.sleep(Math.random() * 60);
        if (existsSync(`${cwd}/.envrc`)) seen++;
        running.kill("SIGKILL");
        await running.done;
        await until("names are given back", () => Bun.deepEquals(safely(cwd), before));
      }
      expect(seen).toBeGreaterThan(KILLS / 2);
    }, 3600000);

    test("of two runs with --rw the last one gives the names back; an orphan is taken over", async () => {
      await using box = new Sandbox(subject);
      const cwd = await project(box, caller, false);
      const before = tree(cwd);
      const env = { HOME: `${box.dir}/home` };
      const orphans =
        "umask 0; mkdir -m 1755 .vscode; python3 -c 'import os; os.mknod(\".envrc\", 0o140000)'";
      Bun.spawnSync([...caller.prefix, "sh", "-c", `cd ${cwd}; ${orphans}`]);
      expect(existsSync(`${cwd}/.envrc`)).toBe(true);
      const wait = "until test -e ran; do sleep 0.05; done; sleep 0.3; mkdir .vscode/y; echo evil >.envrc";
      const first = box.spawn(["run", "--host", "--rw", ".", "--", "sh", "-c", wait], { cwd, env });
      await until("names are taken", () => existsSync(`${cwd}/.git/commondir`));
      const second = await box.call(
        ["run", "--host", "--rw", ".", "--", "sh", "-c", "echo x >.vscode/x; echo ran >ran"],
        { cwd, env },
      );
      expect(second.stderr).toContain("Read-only file system");
      expect(existsSync(`${cwd}/.git/commondir`)).toBe(true);
      expect((await first.done).stderr).toMatch(/Read-only file system(.|\n)*cannot create .envrc/);
      expect(tree(cwd)).toEqual({ ...before, ran: "ran\n" });
    });

    test("what the host puts in the place of a taken name stays", async () => {
      await using box = new Sandbox(subject);
      const cwd = ownedDir(caller, `${box.dir}/plain`);
      const repository = await project(box, caller, false);
      const argv = ["run", "--host", "--rw", ".", "--rw", repository, "--", "sh", "-c"];
      const running = box.spawn([...argv, "until test -e go; do sleep 0.05; done"], {
        cwd,
        env: { HOME: `${box.dir}/home` },
      });
      const commondir = `${repository}/.git/commondir`;
      await until("names are taken", () => isLink(`${cwd}/.envrc`) && existsSync(commondir));
      // The names of a repository are taken first, and given back at the end.
      await until("names are taken", () => readFileSync(commondir, "utf8") === ".\n");
      for (const path of [`${cwd}/.envrc`, `${cwd}/.mcp.json`, commondir]) unlinkSync(path);
      symlinkSync("/proc/taken-by-other", `${cwd}/.envrc`);
      symlinkSync("mine", `${cwd}/.mcp.json`);
      writeFileSync(commondir, "../\n", { mode: 0o444 });
      writeFileSync(`${cwd}/go`, "");
      expect((await running.done).code).toBe(0);
      await until("names are given back", () => !isLink(`${cwd}/.gitmodules`));
      expect(readlinkSync(`${cwd}/.envrc`)).toBe("/proc/taken-by-other");
      expect(readlinkSync(`${cwd}/.mcp.json`)).toBe("mine");
      expect(readFileSync(commondir, "utf8")).toBe("../\n");
    });

    test("what is replaced on the host meanwhile is told", async () => {
      await using box = new Sandbox(subject);
      const cwd = await project(box, caller, true);
      const env = { HOME: `${box.dir}/home` };
      const argv = ["run", "--host", "--rw", ".", "--", "sh", "-c", "until test -e go; do sleep 0.05; done"];
      const running = box.spawn(argv, { cwd, env });
      await until("names are taken", () => existsSync(`${cwd}/.gitmodules`));
      writeFileSync(`${cwd}/new`, "[core]\n");
      chownSync(`${cwd}/new`, caller.uid, caller.gid);
      await Bun.sleep(500);
      renameSync(`${cwd}/new`, `${cwd}/.git/config`);
      writeFileSync(`${cwd}/go`, "");
      expect((await running.done).stderr).toContain(`${cwd}/.git/config was replaced on this machine`);
    });
  });
}
