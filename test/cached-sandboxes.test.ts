/**
 * `run --host` and the like with flags that were given before, which the front does without Bun by what was written down then: it
 * does what Bun does for the same command line, for another program, other arguments and another environment as well, and Bun does
 * it where anything that decides is not as it was.
 */
import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { cachedPlans, machine, SETTLED_MS } from "./support/cached.ts";
import { ownedDir } from "./support/caller.ts";
import { BY_BUN, call, type Done, HAS_FRONT, REPORT } from "./support/front.ts";
import { Images } from "./support/images.ts";
import { until } from "./support/processes.ts";
import { type Subject, subjects } from "./support/runtime.ts";
import { type CallOptions, Sandbox } from "./support/sandbox.ts";
import { shows } from "./support/terminal.ts";

/** What a program sees of its sandbox. */
const LOOK = `id; pwd; env | sort; hostname; umask; ulimit -a; ulimit -Ha; echo "$0" "$@"
grep -E '^(Cap|NoNewPrivs|Seccomp|Sig(Blk|Ign|Cgt)|Umask|Groups|CoreDumping|NSpid)' /proc/self/status
cat /proc/self/cgroup /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups /proc/self/oom_score_adj
cat /proc/self/mountinfo | sed 's/^[0-9]* [0-9]* [0-9:]*//; s/ \\(master\\|shared\\):[0-9]*//g; s,/proc/self/fd/*[0-9]*,FD,g'
stat -c '%A %u %g %t:%T %n' /dev/* / /tmp "$HOME" /etc/passwd; ls -a /run "$HOME"; tr '\\0' ' ' </proc/1/cmdline | tr -d 0-9
ls /proc/self/fd | wc -l; stat -Lc '%F %u %a' /proc/self/fd/0; cat`;

const users: Subject[] = subjects(["brun"]).filter(({ caller }) => caller.uid !== 0);

/** A run of that kind has been made, so that the next one is by the front. */
async function known(
  box: Sandbox,
  flags: readonly string[],
  options: CallOptions = {},
  program: readonly string[] = ["true"],
): Promise<void> {
  await Bun.sleep(SETTLED_MS);
  const argv = ["run", ...flags, "--", ...program];
  // What brun makes for itself is there when it has been run once.
  await box.call(argv, options);
  await Bun.sleep(SETTLED_MS);
  expect((await call(box, argv, options)).code).toBe(0);
}

/**
 * Runs a command, which the front has to do. Others may mount something, or make what looks like a secret in /tmp, between two
 * runs: then Bun does it, and the front the next one.
 */
async function front(box: Sandbox, args: readonly string[], options: CallOptions = {}): Promise<Done> {
  for (let tries = 1; ; tries++) {
    const done = await call(box, args, options);
    if (!done.bun || tries === 15) {
      expect({ args, bun: done.bun }).toEqual({ args, bun: false });
      return done;
    }
    await Bun.sleep(SETTLED_MS);
  }
}

/** The output of one run by the front and of one by Bun, which are to be the same. */
async function both(box: Sandbox, args: readonly string[], options: CallOptions = {}): Promise<string> {
  const general = (text: string) =>
    text.replaceAll(/^Compiled .*\n/gm, "").replaceAll(/(host|rootfs|app)-[0-9a-f]{6}/g, "NAME");
  for (let tries = 1; ; tries++) {
    const before = machine();
    const mine = await front(box, args, options);
    // With the same environment, which decides: without what the engine reports then.
    const bun = await call(box, args, { ...options, ...BY_BUN });
    const told = ({ code, stderr, stdout }: Done) => [code, general(stderr), general(stdout)];
    // Two different machines are not compared.
    const differs = before !== machine() && !Bun.deepEquals(told(mine), told(bun));
    if (differs && tries < 10) continue;
    expect(told(mine)).toEqual(told(bun));
    return mine.stdout;
  }
}

/** Writes to a non-blocking pipe until it is full. */
function fill(pipe: number): void {
  try {
    for (;;) writeSync(pipe, "x");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
  }
}

/** What is in a non-blocking pipe. */
function drained(pipe: number): string {
  const bytes = Buffer.alloc(1 << 20);
  try {
    return bytes.toString("utf8", 0, readSync(pipe, bytes));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    return "";
  }
}

const FLAGS: readonly (readonly [string, ...string[]])[] = [
  ["--host"],
  ["--host", "--network", "none", "--read-only"],
  ["--host", "--no-init", "-e", "A=1", "--tmpfs", "/scratch", "--hostname", "elsewhere"],
  ["--host", "--allow-net", "good.example:7", "--allow-net", "*.other.example", "--net-sni"],
  ["--host", "--name", "known", "--with-secrets", "--umask", "027", "--ulimit", "nofile=100"],
];

for (const subject of users) {
  describe.if(HAS_FRONT)(subject.label, () => {
    test.each(FLAGS.map((flags) => [flags.join(" "), flags] as const))(
      "run %s: a program inside sees what it sees when Bun does it",
      async (_, flags) => {
        await using box = new Sandbox(subject);
        const env = { GITHUB_TOKEN: "x", OTHER: "one" };
        const options = { env, stdin: "input\n" };
        await known(box, flags, options);
        const words = ["sh", "-c", LOOK, "größe", '"\\\t\n', ""];
        const seen = await both(box, ["run", ...flags, "--", ...words], options);
        expect(seen).toContain("uid=");
        expect(cachedPlans(box)).toHaveLength(1);
        expect(box.containers()).toEqual([]);
      },
    );

    const ofRoot: readonly string[][] = [
      ["--hostname", "elsewhere", "--tmpfs", "/scratch"],
      ["--network", "host", "--no-init", "--read-only"],
      ["--writable", "-i", "-u", "1:1"],
      ["--userns", "single", "-e", "HOME=/elsewhere", "-w", "/tmp"],
    ];
    test.each(ofRoot.map((flags) => [flags.join(" "), flags] as const))(
      "run --rootfs DIR %s: a program inside sees what it sees when Bun does it",
      async (_, flags) => {
        await using box = new Sandbox(subject);
        const rootfs = `${box.bundle()}/rootfs`;
        const options = { env: { GITHUB_TOKEN: "x", OTHER: "one" } };
        const words = ["run", "--rootfs", rootfs, ...flags, "--"];
        await known(box, ["--rootfs", rootfs, ...flags], options);
        expect(await both(box, [...words, "sh", "-c", LOOK, "größe"], options)).toContain("uid=");
        // Each has a name of its own.
        const name = async () => (await front(box, [...words, "hostname"], options)).stdout;
        if (!flags.includes("elsewhere")) expect(await name()).not.toBe(await name());
        writeFileSync(`${rootfs}/etc/passwd`, "root:x:0:0::/somewhere:/bin/sh\n");
        const changed = await call(box, [...words, "sh", "-c", "echo $HOME"], options);
        expect([changed.bun, changed.code]).toEqual([true, 0]);
      },
    );

    test("words of --entrypoint go before those of the command line", async () => {
      await using box = new Sandbox(subject);
      const flags = ["--host", "--entrypoint", '["sh", "-c", "echo \\"$@\\"", "sh"]'];
      await known(box, flags);
      expect(await both(box, ["run", ...flags, "--", "a", "b"])).toBe("a b\n");
      await known(box, ["--host"]);
      for (const words of [["--host"], ["--host", "--"], ["--host", "-i"]])
        expect(await call(box, ["run", ...words], { stdin: "echo by a shell\n" })).toMatchObject({
          stdout: expect.stringContaining("by a shell\n"),
        });
    });

    test("run --image: what it says of the program, and an image that is another one since", async () => {
      await using images = Images.make(subject);
      const { box, registry } = images;
      const config = { Entrypoint: ["echo", "from"], Cmd: ["it"], Env: ["OF_IMAGE=1"], WorkingDir: "/opt" };
      registry.push("app", "1", images.image({ config }));
      const name = `${registry.host}/app:1`;
      const options = { env: { HOME: images.data } };
      await images.ok(["image", "pull", "-q", "--tls-verify=false", name]);
      const flags = ["--image", name];
      await known(box, flags, options);
      expect(await both(box, ["run", ...flags, "--", "here"], options)).toBe("from here\n");
      await known(box, [...flags, "--entrypoint", "sh"], options, ["-c", "true"]);
      const look = ["run", ...flags, "--entrypoint", "sh", "--", "-c", LOOK];
      expect(await both(box, look, options)).toContain("OF_IMAGE=1");
      // As with podman, the name in the place of an id.
      await known(box, ["-w", "/", name], options);
      expect(await both(box, ["run", "-w", "/", name, "--", "you", "--"], options)).toBe("from you --\n");
      for (let i = 0; i < 2; i++) await images.ok(["run", name, "--", "there"], options);
      await images.ok(["run", name, "you", "there"], options);
      expect(await both(box, ["run", name, "you", "there"], options)).toBe("from you there\n");
      registry.push("app", "1", images.image({ config: { ...config, Entrypoint: ["echo", "another"] } }));
      await images.ok(["image", "pull", "-q", "--tls-verify=false", name]);
      const { bun, stdout } = await call(box, ["run", ...flags, "--", "here"], options);
      expect([bun, stdout]).toEqual([true, expect.stringContaining("another here\n")]);
    });

    test("a pipe that is not read is warned of by Bun", async () => {
      await using box = new Sandbox(subject);
      const rootfs = `${box.bundle()}/rootfs`;
      await known(box, ["--rootfs", rootfs]);
      const { prefix } = subject.caller;
      const run = async (script: string) => {
        const argv = box.argv(["run", "--rootfs", rootfs, "--", "cat"]).slice(prefix.length);
        const child = Bun.spawn([...prefix, "sh", "-c", script, "sh", ...argv], {
          cwd: box.dir,
          env: { ...box.env, ...REPORT },
          stderr: "pipe",
        });
        const texts = await Promise.all([
          new Response(child.stdout).text(),
          new Response(child.stderr).text(),
        ]);
        return texts.join("");
      };
      expect(await run('(echo text; sleep 1) | (sleep 0.2; "$@")')).toContain("does not read what comes");
      expect(await run('sleep 0.1 | "$@"')).not.toContain("does not read");
    });

    test("other plain variables are passed on, and others are decided about anew", async () => {
      await using box = new Sandbox(subject);
      await known(box, ["--host"], { env: { A: "1", OLDPWD: "/x" } });
      const run = ["run", "--host", "--", "env"];
      const env = { A: "2", B: "/some/where", MAKELEVEL: "3" };
      expect((await both(box, run, { env })).split("\n")).toEqual(
        expect.arrayContaining(["A=2", "B=/some/where", "MAKELEVEL=3", "container=brun"]),
      );
      for (const other of [{ API_TOKEN: "x" }, { A: "https://user:password@host/" }, { PATH: "/usr/bin" }]) {
        const { bun, stdout } = await call(box, run, { env: other });
        expect([other, bun]).toEqual([other, true]);
        expect(stdout).not.toContain("password");
        expect(stdout).not.toContain("API_TOKEN");
      }
    });

    test("a secret that is there since is not uncovered", async () => {
      await using box = new Sandbox(subject);
      const home = `${box.dir}/home`;
      mkdirSync(home);
      const env = { HOME: home };
      await box.ok(["run", "--host", "--", "true"], { env, under: ["sh", "-c", 'exec "$@"', "sh"] });
      await known(box, ["--host"], { env });
      const look = [
        "run",
        "--host",
        "--",
        "sh",
        "-c",
        'cat "$HOME"/.ssh/key "$HOME"/.netrc "$HOME"/shown 2>&1',
      ];
      await front(box, look, { env });
      // To tell why Bun does it asks all questions once more, and leaves a plan.
      await call(box, look, { env, globals: ["--debug"] });
      await front(box, look, { env });
      writeFileSync(`${home}/shown`, "shown\n");
      // A file that is no secret changes nothing.
      expect((await front(box, look, { env })).stdout).toContain("shown\n");
      mkdirSync(`${home}/.ssh`);
      writeFileSync(`${home}/.ssh/key`, "SECRET\n");
      const first = await call(box, look, { env });
      expect([first.bun, first.stdout.includes("SECRET")]).toEqual([true, false]);
      await Bun.sleep(SETTLED_MS);
      await call(box, look, { env });
      expect((await both(box, look, { env })).includes("SECRET")).toBe(false);
      symlinkSync(`${home}/.ssh/key`, `${home}/.netrc`);
      expect((await call(box, look, { env })).stdout).not.toContain("SECRET");
      rmSync(`${home}/.netrc`);
      renameSync(`${home}/.ssh`, `${home}/ssh`);
      symlinkSync("ssh", `${home}/.ssh`);
      const linked = await call(box, look, { env });
      expect([linked.bun, linked.stdout.includes("SECRET")]).toEqual([true, false]);
    });

    test("exit codes, signals, programs that are not there", async () => {
      await using box = new Sandbox(subject);
      await known(box, ["--host"]);
      const sh = (script: string) => ["run", "--host", "--", "sh", "-c", script];
      for (const script of ["exit 3", "kill -TERM $$", "trap 'exit 4' USR1; kill -USR1 $$", "kill -KILL $$"])
        await both(box, sh(script));
      for (const word of ["no-such-program", "/", "/etc/passwd", ""]) {
        const argv = ["run", "--host", "--", word];
        const mine = await call(box, argv);
        const bun = await box.call(argv, BY_BUN);
        expect([word, mine.code]).toEqual([word, bun.code]);
        expect(mine.stderr).toContain(bun.stderr.trim());
      }
      await front(box, sh("true"));
      const running = box.spawn(sh("trap 'echo got; exit 6' TERM; echo up; while :; do sleep 0.02; done"));
      await until("it is up", () => running.stdout().includes("up"));
      expect(readFileSync(`/proc/${running.pid}/comm`, "utf8")).toBe("brun\n");
      running.kill("SIGTERM");
      expect(await running.done).toMatchObject({ code: 6, stdout: "up\ngot\n" });
      expect(box.containers()).toEqual([]);
    });

    test("--timeout, and the end of brun", async () => {
      await using box = new Sandbox(subject);
      await known(box, ["--host", "--timeout", "1"]);
      const sleep = ["run", "--host", "--timeout", "1", "--", "sleep", "1000"];
      await both(box, sleep);
      await known(box, ["--host"]);
      const running = box.spawn(["run", "--host", "--", "sh", "-c", "echo up; exec sleep 1000"]);
      await until("it is up", () => running.stdout().includes("up"));
      running.kill("SIGKILL");
      await running.done;
      await until("nothing runs", () => box.leftovers().length === 0);
      for (const id of box.containers()) await box.ok(["delete", "--force", id]);
    });

    test("others see it, by a name of its own, and what is stored is what Bun stores", async () => {
      await using box = new Sandbox(subject);
      await known(box, ["--host"]);
      const look = async (globals: readonly string[]) => {
        const argv = ["run", "--host", "--", "sh", "-c", "echo up; exec sleep 1000", "größe"];
        const before = new Set(box.containers());
        const running = box.spawn(argv, { globals, env: REPORT });
        await until("it is up", () => running.stdout().includes("up"));
        const [id = ""] = box.containers().filter((name) => !before.has(name));
        expect(id).toMatch(/^host-[0-9a-f]{6}$/);
        const { pid, status, ...state } = await box.inspect(id);
        expect(status).toBe("running");
        expect((await box.exec(id, "echo in")).stdout).toBe("in\n");
        const stored = readdirSync(`${box.state}/${id}`)
          .sort()
          .map((name) => {
            const text = readFileSync(`${box.state}/${id}/${name}`).toString("latin1");
            return [
              name,
              text
                .replaceAll(id, "ID")
                .replaceAll(String(pid), "PID")
                .replace(/"(created|startTime)":"[^"]*"/g, ""),
            ];
          });
        await box.ok(["kill", id, "KILL"]);
        expect((await running.done).code).toBe(137);
        expect(box.known(id)).toBe(false);
        return { stored, annotations: state.annotations, rootfs: state.rootfs };
      };
      const mine = await look([]);
      expect(await look(BY_BUN.globals)).toEqual(mine);
    });

    test("-it: a terminal of the size that the caller's has now, Ctrl-C, the shell's own mode afterwards", async () => {
      await using box = new Sandbox(subject);
      const script =
        "trap 'echo got; exit 9' INT; tty; stty size; echo \"$debian_chroot\"; stty -echo; echo ready; while :; do sleep 0.02; done";
      const look = async (cols: number, rows: number) => {
        await using session = box.terminal(["run", "--host", "-it", "--", "sh", "-c", script], cols, rows);
        await shows(session, `/dev/pts/0\r\n${rows} ${cols}\r\nbrun\r\nready\r\n`);
        const byBun = readlinkSync(`/proc/${session.pid}/exe`).includes("memfd");
        session.write("\x03");
        expect(await session.exited).toBe(9);
        expect(session.localFlags).toBe(session.flagsBefore);
        return byBun;
      };
      let tries = 0;
      while ((await look(80 + tries, 24)) && tries < 6) tries += 1;
      expect(tries).toBeLessThan(6);
      expect(box.containers()).toEqual([]);
    });

    test("another directory below one that is placed as a whole is no other plan; one that decides is", async () => {
      await using box = new Sandbox(subject);
      const home = ownedDir(subject.caller, `${box.dir}/home`);
      const own = (name: string) => ownedDir(subject.caller, `${home}/${name}`);
      const [first, ...others] = [own("a"), own("b"), own("b/c"), own('größe "\\'), own("b/.hidden")];
      for (const name of [".cache", ".cache/brun"]) own(name);
      const at = (cwd: string): CallOptions => ({ cwd, env: { HOME: home, PWD: cwd, FROM: "here" } });
      const words = ["run", "--host", "--", "sh", "-c", LOOK];
      await known(box, ["--host"], at(first!));
      for (const cwd of others) expect(await both(box, words, at(cwd))).toContain(`\n${cwd}\n`);
      expect(cachedPlans(box)).toHaveLength(1);
      // `exec` begins in the same directory.
      const script = "echo $HOSTNAME; echo up; exec sleep 100";
      const running = box.spawn(["run", "--host", "--", "sh", "-c", script], at(others[0]!));
      await until("it is up", () => running.stdout().includes("up"));
      expect(await box.ok(["exec", box.containers()[0]!, "pwd"])).toBe(`${others[0]}\n`);
      running.kill("SIGTERM");
      await running.done;
      expect(cachedPlans(box)).toHaveLength(1);

      // What a directory decides: a secret that it is in is shown there, and is hidden everywhere else.
      const secret = own(".ssh");
      writeFileSync(`${secret}/id`, "SECRET\n");
      const show = ["run", "--host", "--", "sh", "-c", `pwd; cat ${secret}/id 2>&1`];
      const shown = async (cwd: string) => {
        const [mine, bun] = [await box.call(show, at(cwd)), await box.call(show, { ...at(cwd), ...BY_BUN })];
        expect(mine).toEqual(bun);
        return mine.stdout.includes("SECRET");
      };
      await Bun.sleep(SETTLED_MS);
      for (const cwd of [first!, secret, others[0]!, secret, secret, others[1]!, home, "/", first!])
        expect([cwd, await shown(cwd)]).toEqual([cwd, cwd === secret]);
      // A flag that is relative to it.
      const sees = ["run", "--host", "--rw", ".", "--", "sh", "-c", "pwd; touch made"];
      for (const cwd of [first!, others[0]!, first!, others[1]!]) {
        expect((await box.call(sees, at(cwd))).code).toBe(0);
        expect(existsSync(`${cwd}/made`)).toBe(true);
        rmSync(`${cwd}/made`);
      }
      // A link on the way is none in the path that the kernel tells.
      symlinkSync("b", `${home}/link`);
      expect((await front(box, ["run", "--host", "--", "pwd"], at(`${home}/link/c`))).stdout).toContain(
        `${home}/b/c\n`,
      );
    });

    test("--detach: the id at once, the output kept and bounded, a supervisor of its own session", async () => {
      await using box = new Sandbox(subject);
      const flags = ["--host", "-d", "-i", "--log-opt", "max-size=64k"];
      const sh = (script: string) => ["run", ...flags, "--", "sh", "-c", script];
      const idOf = ({ stdout }: Done) => stdout.replaceAll(/^Compiled .*\n/gm, "").trimEnd();
      await known(box, flags);
      const look = async (make: () => Promise<Done>) => {
        const done = await make();
        const id = idOf(done);
        expect(done.code).toBe(0);
        expect(id).toMatch(/^host-[0-9a-f]{6}$/);
        const { pid, status, ...state } = await box.inspect(id);
        expect(status).toBe("running");
        const text = readFileSync(`${box.state}/${id}/state.json`, "utf8");
        const supervisor = /^PPid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]!;
        const [, , , session] = readFileSync(`/proc/${supervisor}/stat`, "utf8")
          .replace(/^.*\) /, "")
          .split(" ");
        const streams = [0, 1, 2].map((fd) => readlinkSync(`/proc/${supervisor}/fd/${fd}`));
        expect([session, ...streams]).toEqual([supervisor, "/dev/null", "/dev/null", "/dev/null"]);
        // Later commands on it have plans as well.
        const shown = await front(box, ["state", id]);
        expect(shown.stdout).toBe(await box.ok(["state", id], BY_BUN));
        const env = await front(box, [
          "exec",
          id,
          "sh",
          "-c",
          "env | sort; pwd; id; ls /proc/self/fd | wc -l",
        ]);
        expect(env.stdout).toContain("HOME=");
        expect(
          await box.ok(["exec", id, "sh", "-c", "env | sort; pwd; id; ls /proc/self/fd | wc -l"], BY_BUN),
        ).toBe(env.stdout);
        expect((await front(box, ["exec", "-it", "-w", "/", id, "sh", "-c", "tty; pwd"])).stdout).toMatch(
          /^\/dev\/pts\/\d+\n\/\n$/m,
        );
        expect((await front(box, ["kill", id, "CONT"])).code).toBe(0);
        expect(await box.call(["attach", id], { stdin: "go\n" })).toMatchObject({
          stdout: expect.stringContaining("19999\n"),
        });
        expect(await box.ok(["wait", id])).toBe("7\n");
        const logs = (await box.ok(["logs", id])).split("\n");
        expect(logs.at(-2)).toBe("19999");
        expect(logs.length).toBeLessThan(4000);
        const { stderr } = await box.call(["logs", id]);
        expect(stderr).toBe("err\n");
        expect(readdirSync(`${box.state}/${id}`).sort()).toEqual([
          ...["attach", "exec.json", "exit", "plans", "seccomp.bpf", "state.json"],
        ]);
        await front(box, ["delete", id]);
        expect(box.known(id)).toBe(false);
        const general = (all: string) =>
          all.replaceAll(id, "ID").replace(/"(created|startTime)":"[^"]*"|"pid":\d+/g, "");
        return [general(JSON.stringify(state)).replace(/"created":"[^"]*"/, ""), general(text)];
      };
      const script =
        "read go; i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done; sleep 0.2; echo err >&2; exit 7";
      const mine = await look(() => front(box, sh(script)));
      expect(await look(() => call(box, sh(script), BY_BUN))).toEqual(mine);
      for (const id of box.containers()) await box.ok(["rm", "-f", id]);
    });

    test("--detach: with a terminal, with --rm, with a name; what fails is told by Bun", async () => {
      await using box = new Sandbox(subject);
      const idOf = ({ stdout }: Done) => stdout.replaceAll(/^Compiled .*\n/gm, "").trimEnd();
      const terminal = ["--host", "-d", "-t"];
      await known(box, terminal);
      const seen: string[] = [];
      for (const by of ["front", "bun"]) {
        const argv = ["run", ...terminal, "--", "sh", "-c", "tty; stty -a; echo end"];
        const id = idOf(by === "front" ? await front(box, argv) : await call(box, argv, BY_BUN));
        await box.ok(["wait", id]);
        seen.push(await box.ok(["logs", id]));
      }
      expect(seen[0]).toContain("/dev/pts/0");
      expect(seen[1]).toBe(seen[0]!);
      const named = ["--host", "-d", "--rm", "--name", "known"];
      await known(box, named);
      await until("it has gone", () => !box.known("known"));
      const sleep = ["run", ...named, "--", "sh", "-c", "sleep 1000"];
      expect(idOf(await front(box, sleep))).toBe("known");
      const again = await call(box, sleep);
      expect(again).toMatchObject({ bun: true, code: 1 });
      expect(again.stderr).toContain("already exists");
      await box.ok(["kill", "known", "KILL"]);
      await until("it has gone", () => !box.known("known"));
      for (const word of ["no-such-program", "/etc/passwd"]) {
        const argv = ["run", ...named, "--", word];
        const mine = await call(box, argv);
        const bun = await box.call(argv, BY_BUN);
        expect([word, mine.code, idOf(mine)]).toEqual([word, bun.code, ""]);
        expect(mine.stderr).toContain(bun.stderr.trim());
      }
      for (const id of box.containers()) await box.ok(["rm", "-f", id]);
    });

    test("--detach: a killed process in the background is told of, and its program is not started again", async () => {
      await using box = new Sandbox(subject);
      // There is a notice about a secret that is not hidden. The process in the background writes it last, and waits while
      // the pipe is full.
      const home = ownedDir(subject.caller, `${box.dir}/home`);
      const options = { env: { HOME: home }, cwd: ownedDir(subject.caller, `${home}/.ssh`) };
      const run = (...words: string[]) => ["run", "--host", "-d", "--rm", "--", ...words];
      const pipe = `${box.dir}/stderr`;
      execFileSync("mkfifo", ["-m", "666", pipe]);
      const stderr = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
      const saying = (to: string) => ["sh", "-c", `exec "$@" 2>${to}`, "sh"];
      const childOf = (pid: number) =>
        readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ")[0]!;
      let byBun = true;
      for (let tries = 0; byBun && tries < 15; tries++) {
        // What brun makes for itself is there when it has been run once.
        for (let runs = 0; runs < 2; runs++) {
          await Bun.sleep(SETTLED_MS);
          await box.ok(run("true"), { ...options, around: saying("/dev/null") });
        }
        for (const id of box.containers()) await box.ok(["rm", "-f", id]);
        let told = "";
        fill(stderr);
        const running = box.spawn(run("sleep", "1000"), { ...options, around: saying(pipe) });
        await until("it is made", () =>
          box.containers().some((id) => existsSync(`${box.state}/${id}/state.json`)),
        );
        const child = childOf(running.pid);
        byBun = readFileSync(`/proc/${child}/cmdline`, "utf8").includes("--ready-fd=");
        process.kill(Number(child), "SIGKILL");
        await until("brun tells of it", () => {
          told += drained(stderr);
          return told.includes("was ended by");
        });
        const { code, stdout } = await running.done;
        expect({ code, stdout }).toEqual({ code: 137, stdout: "" });
        const signal = byBun ? "a signal: KILL" : "signal 9";
        expect(told.split("\n").at(-2)).toEndWith(
          `brun: the process in the background was ended by ${signal}`,
        );
      }
      expect(byBun).toBe(false);
      closeSync(stderr);
    });

    test("many at once, each with a name of its own", async () => {
      await using box = new Sandbox(subject);
      await known(box, ["--host"]);
      const runs = Array.from({ length: 12 }, (_, i) => box.call(["run", "--host", "--", "echo", `${i}`]));
      for (const [i, run] of runs.entries())
        expect(await run).toMatchObject({ code: 0, stdout: `${i}\n`, stderr: "" });
      expect(box.containers()).toEqual([]);
    });

    test("--debug says why a plan is not used, or not cached", async () => {
      await using box = new Sandbox(subject);
      await known(box, ["--host"]);
      const debug = async (...words: string[]) => {
        const { stderr } = await call(box, ["run", ...words], { globals: ["--debug"] });
        return stderr
          .split("\n")
          .filter((line) => line.includes("cached"))
          .join("\n");
      };
      let told = "";
      for (let tries = 0; tries < 5 && !/there is a cached plan$/.test(told); tries++)
        told = await debug("--host", "--", "true");
      expect(told).toMatch(/there is a cached plan$/);
      expect(await debug("--host", "--keep", "x", "--", "true")).toMatch(
        /this plan is not cached: option loaded$/,
      );
      expect(await debug("--host", "-e", "A*", "--", "true")).toMatch(/any variable may be one of --env A\*/);
    });
  });
}
