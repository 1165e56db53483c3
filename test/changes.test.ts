/** `run --keep`, `diff`, `apply`, `discard`: what a program has changed is shown as it is, and taken over or not. */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import fc from "fast-check";
import { host, installed, isRoot, ownedDir } from "./support/caller.ts";
import { until } from "./support/processes.ts";
import { makeRootfs } from "./support/rootfs.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";

/** Command sequences that are compared with a run without brun. */
const SEQUENCES = Number(process.env.BRUN_CHANGES ?? 6);

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  /** A home with a project in it, and brun run in that. */
  function project(box: Sandbox, name = "home") {
    const home = ownedDir(caller, `${box.dir}/${name}`);
    const dir = ownedDir(caller, `${home}/project`);
    const options = { cwd: dir, env: { HOME: home, XDG_DATA_HOME: `${home}/data`, SHELL: "/bin/sh" } };
    const file = (path: string, text: string, mode?: number) =>
      box.file(`${name}/project/${path}`, text, mode);
    const brun = (...args: string[]) => box.call(args, options);
    const keep = (script: string, ...flags: string[]) =>
      box.ok(["run", "--host", "--keep", "try", ...flags, "--", "sh", "-ec", script], options);
    const sh = (script: string) =>
      host(...caller.prefix, "env", `HOME=${home}`, "sh", "-ec", `cd ${dir}; ${script}`);
    return { home, dir, options, file, brun, keep, sh };
  }

  describe(subject.label, () => {
    test("diff shows what was added, changed and deleted, and nothing else", async () => {
      await using box = new Sandbox(subject);
      const { dir, file, brun, keep, sh } = project(box);
      for (const name of ["same", "touched", "text", "run.sh", "gone"]) file(name, `${name}\n`, 0o644);
      ownedDir(caller, `${dir}/old`);
      file("old/inside", "x\n");
      ownedDir(caller, `${dir}/again`);
      file("again/one", "x\n");
      sh("ln -s text link");
      await keep(`cat same; touch touched; echo x >>text; chmod 755 run.sh; rm gone; rm -r old; rm -r again; mkdir again
        echo y >again/two; ln -sf same link; mkdir -p new/deep; echo z >new/deep/file; mkfifo pipe; echo once >passing; rm passing`);
      const { stdout, stderr } = await brun("diff", "try");
      expect(stderr).toBe("");
      expect(stdout.replaceAll(`${dir}/`, "")).toBe(
        "D again/one\nA again/two\nD gone\nC link (another target)\nA new/\nA new/deep/\nA new/deep/file\nD old/\nA pipe\n" +
          "C run.sh (mode 644 → 755)\nC text\n",
      );
      const json = JSON.parse((await brun("diff", "--format", "json", "try", `${dir}/text`)).stdout);
      expect(json).toMatchObject([
        { path: `${dir}/text`, kind: "changed", differs: ["content"], is: { size: 7 } },
      ]);
      expect((await brun("diff", "try", "new/deep", "gone")).stdout.replaceAll(`${dir}/`, "")).toBe(
        "D gone\nA new/deep/\nA new/deep/file\n",
      );
      // A file of the size and the time that it had is compared byte by byte.
      await keep("cp -p same time; echo SAME >same; touch -r time same; rm time");
      expect((await brun("diff", "try", "same")).stdout).toBe(`C ${dir}/same\n`);
    });

    test("what the program has closed to its owner is shown all the same", async () => {
      await using box = new Sandbox(subject);
      const { dir, file, brun, keep } = project(box);
      ownedDir(caller, `${dir}/closed`, 0o755);
      file("closed/gone", "x\n");
      await keep("rm closed/gone; echo new >closed/made; chmod 000 closed/made closed");
      const shown = await brun("diff", "try");
      expect(shown).toMatchObject({ code: 0, stderr: "" });
      expect(shown.stdout.replaceAll(`${dir}/`, "")).toBe(
        "C closed/ (mode 755 → 0)\nD closed/gone\nA closed/made\n",
      );
      expect((await brun("diff", "try", "--patch")).stdout).toContain("+new\n");
      expect(await brun("discard", "try")).toMatchObject({ code: 0, stderr: "" });
      expect(await brun("sandbox", "list", "-q")).toMatchObject({ stdout: "" });
    });

    test("a second run goes on where the first has ended; the host has none of it until apply", async () => {
      await using box = new Sandbox(subject);
      const { dir, file, brun, keep } = project(box);
      file("a", "one\n");
      await keep("echo two >>a; echo b >b; rm -f none");
      expect(await keep("cat a b; mkdir d; mv b d")).toBe("one\ntwo\nb\n");
      expect(readdirSync(dir)).toEqual(["a"]);
      expect(readFileSync(`${dir}/a`, "utf8")).toBe("one\n");
      const list = await brun("sandbox", "list");
      expect(list.stdout).toMatch(/^NAME +OF +CREATED +USED\ntry +--host +\S+Z +\S+Z\n$/);
      const asked = await brun("apply", "try");
      expect(asked).toMatchObject({
        code: 1,
        stderr:
          "brun: nothing was taken over: there is no terminal to ask on; hint: --yes takes it over without a question\n",
      });
      expect(readdirSync(dir)).toEqual(["a"]);
      expect(await brun("apply", "--yes", "try")).toMatchObject({ code: 0, stderr: "" });
      expect(readFileSync(`${dir}/a`, "utf8")).toBe("one\ntwo\n");
      expect(readFileSync(`${dir}/d/b`, "utf8")).toBe("b\n");
      expect((await brun("diff", "try")).stdout).toBe("");
      expect(await brun("discard", "try")).toMatchObject({ code: 0, stdout: "", stderr: "" });
      expect((await brun("sandbox", "list", "-q")).stdout).toBe("");
      expect(await brun("diff", "try")).toMatchObject({
        code: 1,
        stderr:
          'brun: nothing is kept by the name "try"; hint: `brun run --host --keep try -- PROGRAM` keeps what the program changes\n',
      });
    });

    test.skipIf(!installed("git"))(
      "diff --patch is what git apply takes, also for odd names and bytes",
      async () => {
        await using box = new Sandbox(subject);
        const { dir, file, brun, keep, sh } = project(box);
        file("text", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
        file("no end", "x");
        file("bytes", "\0\x01\x02");
        file("gone", "gone\n");
        file("mode", "mode\n", 0o644);
        symlinkSync("text", `${dir}/link`);
        ownedDir(caller, `${dir}/old`);
        file("old/one", "1\n");
        sh("cp -a . ../copy");
        await keep(`sed -i -e s/b/B/ -e s/j/J/ text; printf y >>"no end"; printf '\\377\\000' >bytes; rm gone; chmod +x mode
        ln -sf mode link; rm -r old; mkdir -p "ü/$(printf 'line\\nbreak "q" \\\\')"; echo new >"ü/$(printf 'line\\nbreak "q" \\\\')/f"
        head -c 100000 /dev/urandom >big; : >empty; rm -f none; printf 'one\\r\\ntwo' >crlf`);
        const patch = await box.call(["diff", "try", "--patch"], project(box).options);
        expect(patch.stderr).toBe("");
        box.file("patch", patch.stdout);
        sh("cd ../copy && git init -q . 2>/dev/null");
        sh(`cd ../copy && GIT_CONFIG_GLOBAL=/dev/null git apply --whitespace=nowarn ${box.dir}/patch`);
        expect(await brun("apply", "try", "--yes")).toMatchObject({ code: 0, stderr: "" });
        expect(sh("cd .. && diff -r --no-dereference --exclude=.git project copy && echo same")).toBe(
          "same\n",
        );
      },
    );

    test("apply leaves alone what has changed here since, unless it is forced", async () => {
      await using box = new Sandbox(subject);
      const { dir, file, brun, keep } = project(box);
      for (const name of ["edited", "deleted", "both", "fine"]) file(name, "old\n");
      ownedDir(caller, `${dir}/tree`);
      file("tree/a", "old\n");
      await keep(
        "for f in edited both fine; do echo new >$f; done; rm deleted; rm -r tree; echo new >appeared",
      );
      await Bun.sleep(20);
      file("both", "mine\n");
      file("deleted", "mine\n");
      file("tree/b", "mine\n");
      file("appeared", "mine\n");
      rmSync(`${dir}/edited`);
      const { code, stderr } = await brun("apply", "try", "--yes");
      expect(code).toBe(1);
      expect(stderr.replaceAll(`${dir}/`, "")).toBe(
        "brun: left out: appeared: has changed since the program saw it\nbrun: left out: both: has changed since the program saw it\n" +
          "brun: left out: deleted: has changed since the program saw it\n" +
          "brun: left out: tree: something in it has changed since\n" +
          "brun: 4 of 6 changes were left out; hint: --force takes over what has changed here as well\n",
      );
      expect(readFileSync(`${dir}/both`, "utf8")).toBe("mine\n");
      expect(readFileSync(`${dir}/fine`, "utf8")).toBe("new\n");
      expect(readdirSync(`${dir}/tree`).sort()).toEqual(["a", "b"]);
      expect(await brun("apply", "try", "--yes", "--force")).toMatchObject({ code: 0, stderr: "" });
      for (const name of ["both", "edited", "appeared"])
        expect(readFileSync(`${dir}/${name}`, "utf8")).toBe("new\n");
      expect([existsSync(`${dir}/deleted`), existsSync(`${dir}/tree`)]).toEqual([false, false]);
    });

    test("apply follows no link, neither of the program's making nor of the host's", async () => {
      await using box = new Sandbox(subject);
      const { dir, home, file, brun, keep } = project(box);
      ownedDir(caller, `${home}/elsewhere`);
      ownedDir(caller, `${dir}/sub`);
      file("sub/file", "old\n");
      await keep(
        `echo new >sub/file; echo x >sub/more; ln -s ${home}/elsewhere out; ln -s /etc/hostname name`,
      );
      host("mv", `${dir}/sub`, `${dir}/moved`);
      symlinkSync(`${home}/elsewhere`, `${dir}/sub`);
      const { code, stderr } = await brun("apply", "try", "--yes");
      expect(code).toBe(1);
      expect(stderr).toContain(`brun: left out: ${dir}/sub: has changed since the program saw it\n`);
      expect(stderr).toContain(`brun: left out: ${dir}/sub/file: its directory cannot be opened`);
      expect(readdirSync(`${home}/elsewhere`)).toEqual([]);
      // The link gives way to the directory that it stands for.
      expect(await brun("apply", "try", "--yes", "--force")).toMatchObject({ code: 0, stderr: "" });
      expect(readFileSync(`${dir}/sub/file`, "utf8")).toBe("new\n");
      expect(readdirSync(`${home}/elsewhere`)).toEqual([]);
      expect(readlinkSync(`${dir}/out`)).toBe(`${home}/elsewhere`);
      expect(readlinkSync(`${dir}/name`)).toBe("/etc/hostname");
    });

    test("while a container writes there, another and apply and discard are refused; diff is not", async () => {
      await using box = new Sandbox(subject);
      const { options, brun, home } = project(box);
      const first = box.spawn(
        [
          "run",
          "--host",
          "--keep",
          "try",
          "--name",
          "first",
          "--",
          "sh",
          "-c",
          "echo x >new; echo up; exec sleep 1000",
        ],
        options,
      );
      await until("the first has begun", () => first.stdout() !== "");
      const why = `container "first" writes to ${home}/data/brun/kept/try; hint: wait until it has ended, or name another directory\n`;
      expect(await brun("run", "--host", "--keep", "try", "--", "true")).toMatchObject({
        code: 1,
        stderr: `brun: --keep: ${why}`,
      });
      expect(await brun("apply", "try", "--yes")).toMatchObject({ code: 1, stderr: `brun: apply: ${why}` });
      expect(await brun("discard", "try")).toMatchObject({ code: 1, stderr: `brun: discard: ${why}` });
      expect((await brun("diff", "try")).stdout).toMatch(/^A .*\/project\/new\n$/);
      first.kill("SIGTERM");
      await first.done;
      expect(await brun("discard", "try")).toMatchObject({ code: 0, stderr: "" });
    });

    test("a command that is about to end with it is waited for, one that goes on is told", async () => {
      await using box = new Sandbox(subject);
      const { brun, file, keep, home } = project(box);
      file("one", "old\n");
      await keep("echo new >one");
      const kept = `${home}/data/brun/kept/try`;
      const holding = (seconds: number) =>
        Bun.spawn(["flock", "--no-fork", `${kept}/lock`, "sh", "-c", `echo held; exec sleep ${seconds}`], {
          stdout: "pipe",
        });
      const held = async (child: ReturnType<typeof holding>) => {
        for await (const _ of child.stdout) break;
      };
      const long = holding(30);
      await held(long);
      expect(await brun("apply", "try", "--yes")).toMatchObject({
        code: 1,
        stderr: `brun: apply: another command of brun writes to ${kept}; hint: wait until it has ended, or name another directory\n`,
      });
      long.kill();
      await long.exited;
      const short = holding(0.3);
      await held(short);
      expect(await brun("apply", "try", "--yes")).toMatchObject({ code: 0, stderr: "" });
      await short.exited;
    });

    test("a root file system: changes by its paths, and another root is refused", async () => {
      await using box = new Sandbox(subject);
      const { options, brun } = project(box);
      const root = makeRootfs(ownedDir(caller, `${box.dir}/root`), caller);
      const run = (...args: string[]) =>
        box.call(["run", "--rootfs", root, "--keep", "r", "--", ...args], options);
      expect(await run("sh", "-c", "echo x >/etc/new; rm -r /home; mkdir /srv")).toMatchObject({
        code: 0,
        stderr: "",
      });
      const lines = (await brun("diff", "r")).stdout.split("\n");
      expect(lines).toContain("A /etc/new");
      expect(await run("cat", "/etc/new")).toMatchObject({ code: 0, stdout: "x\n" });
      expect(existsSync(`${root}/etc/new`)).toBe(false);
      expect(await brun("run", "--host", "--keep", "r", "--", "true")).toMatchObject({
        code: 1,
        stderr: `brun: --keep: "r" keeps changes of --rootfs ${root}; hint: another name, or brun discard r\n`,
      });
      expect(await brun("apply", "r", "--yes", "/etc")).toMatchObject({ code: 0, stderr: "" });
      expect(readFileSync(`${root}/etc/new`, "utf8")).toBe("x\n");
      expect(await brun("sandbox", "remove", "r")).toMatchObject({ code: 0, stderr: "" });
    });

    test("several are discarded at once, also where the last has files of other ids", async () => {
      await using box = new Sandbox(subject);
      const { options, brun } = project(box);
      const root = makeRootfs(ownedDir(caller, `${box.dir}/root`), caller);
      ownedDir(caller, `${root}/srv`);
      for (const [name, script] of [
        ["plain", "echo x >/srv/a"],
        ["ids", "mkdir /srv/in; echo x >/srv/in/f; chown -R 1 /srv; chmod 700 /srv"],
      ] as const)
        await box.ok(["run", "--rootfs", root, "--keep", name, "--", "sh", "-ec", script], options);
      expect(await brun("discard", "plain", "none", "ids")).toMatchObject({ code: 1 });
      expect((await brun("sandbox", "list", "-q")).stdout).toBe("ids\nplain\n");
      expect(await brun("discard", "plain", "ids", "plain")).toMatchObject({ code: 0, stderr: "" });
      expect((await brun("sandbox", "list", "-q")).stdout).toBe("");
    });

    test.skipIf(!isRoot)(
      "a directory of another user, and file systems that cannot keep changes, are refused",
      async () => {
        await using box = new Sandbox(subject);
        const { home, dir, options, brun } = project(box);
        const theirs = ownedDir(caller, `${home}/data/brun/kept/try`);
        chownSync(theirs, caller.uid + 1, caller.gid);
        chmodSync(theirs, 0o777);
        const keep = ["run", "--host", "--keep", "try", "--", "sh", "-c", "echo x >a"];
        const refused = await brun(...keep);
        expect([refused.code, refused.stderr]).toEqual([
          1,
          expect.stringMatching(/^brun: --keep: \S+\/try belongs to another user \(uid \d+\); hint: .*\n$/),
        ]);
        expect(readdirSync(theirs)).toEqual([]);
        // ramfs has no extended attributes.
        const mount = `mount -t ramfs ramfs ${home}/data && chown ${caller.uid}:${caller.gid} ${home}/data && exec "$@"`;
        const around = ["unshare", "--mount", "sh", "-c", mount, "sh"];
        const said =
          /^brun: --(keep|upper): changes cannot be kept in \S+: its file system \(ramfs\) keeps no extended attributes; hint: .*\n$/;
        for (const argv of [keep, ["run", "--host", "--upper", `${home}/data/up`, "--", "true"]]) {
          const script = `cd ${dir}; "$@"; echo $?; find ${home}/data -name keep.json`;
          const command = [...around, "sh", "-c", script, "sh", ...box.argv(argv)];
          const env = { ...box.env, ...options.env, PATH: process.env.PATH };
          const { stdout, stderr } = Bun.spawnSync(command, { env });
          expect(stderr.toString()).toMatch(said);
          expect(stdout.toString()).toBe("1\n");
        }
        expect(existsSync(`${dir}/a`)).toBe(false);
      },
    );

    test.skipIf(!isRoot)(
      "apply onto a full disk: one line, and each file is old or new; names of any bytes",
      async () => {
        await using box = new Sandbox(subject);
        const { dir, options } = project(box);
        const brun = (...args: string[]) =>
          box
            .argv(args)
            .map((word) => `'${word.replaceAll("'", "'\\''")}'`)
            .join(" ");
        const change = `echo new >a; head -c 900000 /dev/zero >m; echo more >>z; echo x >"$(printf 'b\\nc')"; echo x >"$(printf 'b\\377')"`;
        const script = `mount -t tmpfs -o size=512k,mode=777 none ${dir} && cd ${dir} && echo old >a && head -c 300000 /dev/zero >z
        chown ${caller.uid}:${caller.gid} . a z; ${brun("run", "--host", "--keep", "try", "--", "sh", "-ec", change)} 2>/dev/null
        ${brun("diff", "try")}; ${brun("apply", "try", "--yes")} >/dev/null; echo $?; cat a; stat -c %s z; ls -Ab`;
        const { stdout, stderr } = Bun.spawnSync(["unshare", "--mount", "sh", "-c", script], {
          env: { ...box.env, ...options.env, PATH: process.env.PATH },
        });
        expect(stderr.toString()).toBe(
          `brun: "${dir}/m": no space left on device; hint: nothing is half done: make room, and apply again\n`,
        );
        expect(stdout.toString().replaceAll(`${dir}/`, "")).toBe(
          "C a\nA b\\u000ac\nA b\\xff\nA m\nC z\n1\nnew\n300000\na\nb\\nc\nb\\377\nz\n",
        );
      },
    );

    test("names that are none, and flags that do not go together", async () => {
      await using box = new Sandbox(subject);
      const { brun } = project(box);
      for (const name of ["", ".", "..", "a/b", "-x", "x".repeat(200)]) {
        const { code, stderr } = await brun("run", "--host", `--keep=${name}`, "--", "true");
        expect([name, code]).toEqual([name, 1]);
        expect(stderr).toMatch(/^brun: --keep: ".*" is no name for what is kept; hint: .*\n$/);
      }
      const both = await brun("run", "--host", "--keep", "a", "--upper", "b", "--", "true");
      expect(both.stderr).toBe(
        "brun: --keep and --upper exclude each other; hint: --upper names a directory, --keep a name\n",
      );
      const readOnly = await brun("run", "--host", "--keep", "a", "--read-only", "--", "true");
      expect(readOnly.stderr).toBe("brun: --keep has no use with --read-only: nothing is written\n");
      const nowhere = await box.call(["run", "--host", "--keep", "a", "--", "true"], {
        env: { XDG_DATA_HOME: "/proc" },
      });
      expect(nowhere.stderr).toStartWith(
        "brun: --keep: mkdir /proc/brun: no such file or directory (ENOENT)",
      );
    });

    test("apply that is killed leaves each file old or new, and the next one does the rest", async () => {
      await using box = new Sandbox(subject);
      const { dir, file, brun, keep, options } = project(box);
      const names = Array.from({ length: 200 }, (_, i) => `f${i}`);
      for (const name of names) file(name, "old\n".repeat(100));
      await keep('for f in f*; do yes new | head -n 5000 >"$f"; done');
      const isWhole = (name: string) =>
        ["old\n".repeat(100), "new\n".repeat(5000)].includes(readFileSync(`${dir}/${name}`, "utf8"));
      // What may need the ids of containers is done by a child in a user namespace, which begins late.
      for (const ms of [15, 30, 45, 60, 75, 90, 105, 120]) {
        const applying = box.spawn(["apply", "try", "--yes"], options);
        await Bun.sleep(ms);
        applying.kill("SIGKILL");
        await applying.done;
        expect(names.filter((name) => !isWhole(name))).toEqual([]);
      }
      expect(await brun("apply", "try", "--yes")).toMatchObject({ code: 0, stderr: "" });
      expect(names.filter((name) => readFileSync(`${dir}/${name}`, "utf8").startsWith("old"))).toEqual([]);
    });

    test("a file that becomes a directory is there at any moment", async () => {
      await using box = new Sandbox(subject);
      const { dir, file, keep, options } = project(box);
      const names = Array.from({ length: 60 }, (_, i) => `n${100 + i}`);
      for (const name of names) file(name, "old\n");
      await keep("for n in n*; do rm $n; mkdir $n; done");
      const applying = box.spawn(["apply", "try", "--yes"], options);
      let ended = false;
      const done = applying.done.then(() => (ended = true));
      // The names are applied in their order: this one looks at the one that is next.
      for (const name of names) {
        for (let looks = 1; !ended; looks++) {
          if (lstatSync(`${dir}/${name}`).isDirectory()) break;
          if (looks % 5000 === 0) await Bun.sleep(0);
        }
      }
      await done;
      expect(names.filter((name) => !lstatSync(`${dir}/${name}`).isDirectory())).toEqual([]);
    });

    test(`${SEQUENCES} command sequences: run with --keep and applied is as run without brun`, async () => {
      await using box = new Sandbox(subject);
      const mine = project(box, "mine");
      const plain = project(box, "plain");
      const name = fc.constantFrom("a", "b", "c", "d/a", "d/e/b", "l", "x y");
      const command = fc.oneof(
        fc.tuple(name, fc.nat(9)).map(([to, n]) => `echo ${n} >>"${to}"`),
        fc.tuple(name, fc.nat(9)).map(([to, n]) => `echo ${n} >"${to}"`),
        name.map((to) => `rm -rf "${to}"`),
        name.map((to) => `mkdir -p "${to}"`),
        name.map((to) => `rmdir "${to}"`),
        fc.tuple(name, name).map(([from, to]) => `mv -T "${from}" "${to}"`),
        fc.tuple(name, name).map(([from, to]) => `cp -a "${from}" "${to}"`),
        fc.tuple(name, name).map(([from, to]) => `ln "${from}" "${to}"`),
        fc.tuple(name, name).map(([from, to]) => `ln -sfn "${from}" "${to}"`),
        fc
          .tuple(name, fc.constantFrom("600", "644", "755", "700"))
          .map(([to, mode]) => `chmod ${mode} "${to}"`),
        fc.tuple(name, fc.nat(20)).map(([to, n]) => `truncate -s ${n} "${to}"`),
      );
      const listing = (dir: string): string =>
        host(
          "sh",
          "-c",
          `cd ${dir}; find . -printf '%P %y %m %l\\n' | sort; find . -type f -exec sha256sum {} + | sort -k2`,
        );
      const start = "mkdir -p d/e; echo 1 >a; echo 2 >b; echo 3 >d/a; echo 4 >d/e/b; ln -s a l";
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(command, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 3 }),
          async (runs) => {
            for (const { dir, sh } of [mine, plain]) {
              rmSync(dir, { recursive: true, force: true });
              ownedDir(caller, dir);
              sh(start);
            }
            const scripts = runs.map((commands) =>
              commands.map((one) => `${one} 2>/dev/null || :`).join("\n"),
            );
            for (const script of scripts) {
              await mine.keep(script);
              plain.sh(script);
            }
            const before = listing(mine.dir);
            expect(await mine.brun("apply", "try", "--yes")).toMatchObject({ code: 0, stderr: "" });
            expect({ scripts, before, listing: listing(mine.dir) }).toEqual({
              scripts,
              before,
              listing: listing(plain.dir),
            });
            expect(await mine.brun("diff", "try")).toMatchObject({ stdout: "", stderr: "" });
            await mine.brun("discard", "try");
          },
        ),
        { numRuns: SEQUENCES, endOnFailure: true },
      );
      expect(lstatSync(mine.dir).isDirectory()).toBe(true);
    }, 600_000);
  });
}
