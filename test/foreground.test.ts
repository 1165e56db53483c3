/** A program that `brun run` is put in front of behaves as without: signals, job control, exit codes, stdin, output. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { host, ownedDir } from "./support/caller.ts";
import { until } from "./support/processes.ts";
import { makeRootfs } from "./support/rootfs.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { shows, TerminalSession } from "./support/terminal.ts";

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  /** The forms, by name: what stands before the program, which the test may give flags. */
  function forms(box: Sandbox): Record<string, (flags: string[], script: string) => string[]> {
    const root = makeRootfs(ownedDir(caller, `${box.dir}/root`), caller);
    return {
      "--host": (flags, script) => ["run", "--host", ...flags, "--", "sh", "-c", script],
      "--rootfs": (flags, script) => ["run", "--rootfs", root, ...flags, "--", "sh", "-c", script],
      "a bundle": (flags, script) => {
        const bundle = box.bundle((spec) => {
          spec.process.args = ["/bin/sh", "-c", script];
          spec.process.terminal = flags.includes("-t");
        });
        return ["run", "--init", "--bundle", bundle, box.name()];
      },
    };
  }

  /** Words that a shell reads as these. */
  const quoted = (words: readonly string[]) =>
    words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");

  describe(subject.label, () => {
    test("Ctrl-C and Ctrl-\\ end the program and its children, with and without -t", async () => {
      await using box = new Sandbox(subject);
      for (const [form, argv] of Object.entries(forms(box))) {
        for (const flags of [["-i"], ["-i", "-t"]]) {
          for (const [key, code] of [
            ["\x03", 130],
            ["\x1c", 131],
          ] as const) {
            // busybox's shell has its children ignore SIGQUIT.
            const traps = "trap 'exit 130' INT; trap 'exit 131' QUIT; echo up; while :; do sleep 0.05; done";
            const script = form === "--host" ? "echo up; sleep 1000" : traps;
            await using session = box.terminal(argv(flags, script));
            await shows(session, "up");
            await Bun.sleep(50);
            session.write(key);
            expect({ form, flags, code: await session.exited }).toEqual({ form, flags, code });
            await box.untilGone();
          }
        }
      }
    });

    test("a signal of the terminal reaches each process of the group once", async () => {
      await using box = new Sandbox(subject);
      for (const [form, argv] of Object.entries(forms(box))) {
        for (const flags of [["-i"], ["-i", "-t"]]) {
          const child = "trap 'echo child-got' INT; echo up; sleep 0.4; sleep 0.4; exit 0";
          const script = `trap 'echo parent-got' INT; sh -c "${child}"; sleep 0.2; echo end`;
          await using session = box.terminal(argv(flags, script));
          await shows(session, "up");
          await Bun.sleep(50);
          session.write("\x03");
          await session.exited;
          await shows(session, "end");
          const count = (word: string) => session.text().split(word).length - 1;
          expect({ form, flags, child: count("child-got"), parent: count("parent-got") }).toEqual({
            form,
            flags,
            child: 1,
            parent: 1,
          });
        }
      }
    });

    test("Ctrl-Z suspends, fg goes on, with and without -t", async () => {
      await using box = new Sandbox(subject);
      for (const [argv, flags] of Object.values(forms(box)).flatMap(
        (form) =>
          [
            [form, []],
            [form, ["-i", "-t"]],
          ] as const,
      )) {
        const shell = [...caller.prefix, "bash", "--norc", "--noprofile", "-i"];
        await using session = new TerminalSession(shell, { ...box.env, PS1: "> " }, box.dir);
        await shows(session, "> ");
        const script = "echo up; sleep 1000";
        const words = box.argv(argv([...flags], script)).slice(caller.prefix.length);
        session.write(`${quoted(words)}; echo "code $?"\r`);
        await shows(session, /up\r\n/);
        await Bun.sleep(100);
        session.write("\x1a");
        await shows(session, "Stopped");
        session.write("fg\r");
        await Bun.sleep(200);
        session.write("\x03");
        // On the same line bash would not come to it, as for any program that dies of Ctrl-C.
        await shows(session, /\^C.*> $/s);
        session.write("echo again $?\r");
        await shows(session, "again 130");
        session.write("exit\r");
        await session.exited;
        await box.untilGone();
      }
    });

    test("what stops itself goes on where there is no terminal of its own, and nobody to say so", async () => {
      await using box = new Sandbox(subject);
      const { code, stdout } = await box.call([
        "run",
        "--host",
        "--",
        "sh",
        "-c",
        "kill -TSTP $$; echo on; exit 3",
      ]);
      expect({ code, stdout }).toEqual({ code: 3, stdout: "on\n" });
    });

    test("-it in the background leaves the terminal alone, and has it with fg", async () => {
      await using box = new Sandbox(subject);
      const shell = [...caller.prefix, "bash", "--norc", "--noprofile", "-i"];
      await using session = new TerminalSession(shell, { ...box.env, PS1: "> " }, box.dir);
      await shows(session, "> ");
      const script = "echo up; read line; echo got $line; exit 9";
      const words = box.argv(["run", "--host", "-it", "--", "sh", "-c", script]).slice(caller.prefix.length);
      session.write(`${quoted(words)} &\r`);
      await Bun.sleep(500);
      session.write("echo $((40 + 2)) of the shell\r");
      await shows(session, "42 of the shell");
      await shows(session, "Stopped");
      session.write("fg; echo again $?\r");
      await shows(session, /up\r+\n/);
      session.write("hello\r");
      await shows(session, "got hello");
      await shows(session, "again 9");
      session.write("exit\r");
      await session.exited;
      await box.untilGone();
    });

    test("a terminal that goes, timeout and kill end the program; nothing is left", async () => {
      await using box = new Sandbox(subject);
      for (const [form, argv] of Object.entries(forms(box))) {
        for (const flags of [["-i"], ["-i", "-t"]]) {
          await using session = box.terminal(argv(flags, "echo up; sleep 1000"));
          await shows(session, "up");
          session.hangUp();
          expect({ form, flags, code: await session.exited }).toEqual({ form, flags, code: 129 });
          await box.untilGone();
        }
        const timed = await box.call(argv([], "sleep 1000"), { around: ["timeout", "0.5"] });
        expect({ form, code: timed.code }).toEqual({ form, code: 124 });
        const id = box.name();
        const bundled = form === "a bundle";
        const words = argv(bundled ? [] : ["--name", id], "echo up; sleep 1000");
        const running = box.spawn(words);
        await until("it runs", () => running.stdout() === "up\n");
        await box.ok(["kill", bundled ? words.at(-1)! : id, "TERM"]);
        expect({ form, code: (await running.done).code }).toEqual({ form, code: 143 });
        await box.untilGone();
      }
    });

    test("what a signal to brun ends, brun ends by that signal, and leaves no core; a bundle has runc's code", async () => {
      await using box = new Sandbox(subject);
      for (const [form, argv] of Object.entries(forms(box))) {
        for (const [signal, code] of [
          ["SIGHUP", 129],
          ["SIGINT", 130],
          ["SIGQUIT", 131],
          ["SIGTERM", 143],
        ] as const) {
          const around = ["sh", "-c", 'ulimit -c unlimited; exec "$@"', "sh"];
          const running = box.spawn(argv([], "echo up; exec sleep 1000"), { around });
          await until("it runs", () => running.stdout() === "up\n");
          running.kill(signal);
          const { code: got, signal: by } = await running.done;
          const expected = form === "a bundle" ? { code, signal: null } : { code: null, signal };
          expect({ form, code: got, signal: by }).toEqual({ form, ...expected });
          await box.untilGone();
        }
      }
      expect(readdirSync(box.dir).filter((name) => name.startsWith("core"))).toEqual([]);
      // Nobody has sent it one, or it has not ended by that: codes are codes.
      const flags = ["--host", "--", "sh", "-c"];
      expect(await box.call(["run", ...flags, "kill -INT $$"])).toMatchObject({ code: 130, signal: null });
      const other = box.spawn(["run", ...flags, "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done"]);
      await until("it runs", () => other.stdout() === "up\n");
      other.kill("SIGTERM");
      expect(await other.done).toMatchObject({ code: 7, signal: null });
      const unshared = box.spawn(["unshare", "sh", "-c", "echo up; exec sleep 1000"]);
      await until("it runs", () => unshared.stdout() === "up\n");
      unshared.kill("SIGINT");
      expect(await unshared.done).toMatchObject({ code: null, signal: "SIGINT" });
    });

    test("the program ends with brun, unless --no-die-with-parent says otherwise", async () => {
      await using box = new Sandbox(subject);
      for (const init of ["--init", "--no-init"]) {
        const flags = ["--name", "dies", init];
        const running = box.spawn(["run", "--host", ...flags, "--", "sh", "-c", "echo up; sleep 1000"]);
        await until("it runs", () => running.stdout() === "up\n");
        const { pid } = await box.inspect("dies");
        process.kill(Number(host("ps", "-o", "ppid=", "-p", `${pid}`).trim()), "SIGKILL");
        await running.done;
        await box.untilStatus("dies", "stopped");
        await box.ok(["delete", "dies"]);
      }
      const flags = ["--name", "lives", "--no-die-with-parent"];
      const running = box.spawn(["run", "--host", ...flags, "--", "sh", "-c", "echo up; sleep 1000"]);
      await until("it runs", () => running.stdout() === "up\n");
      const { pid } = await box.inspect("lives");
      process.kill(Number(host("ps", "-o", "ppid=", "-p", `${pid}`).trim()), "SIGKILL");
      await Bun.sleep(200);
      expect((await box.inspect("lives")).status).toBe("running");
      await box.ok(["delete", "--force", "lives"]);
    });

    test("zombies are reaped, process 1 has no rights and no descriptors, exec joins it", async () => {
      await using box = new Sandbox(subject);
      const id = box.name();
      const script = "for i in 1 2 3; do (sleep 0.05 &); done; sleep 1000";
      await box.ok(["run", "--host", "-d", "--name", id, "--", "sh", "-c", script]);
      const { pid } = await box.inspect(id);
      expect(readFileSync(`/proc/${pid}/comm`, "utf8")).toBe("brun:[init]\n");
      const status = await box.exec(id, "grep -E 'CapPrm|CapInh|Seccomp:' /proc/1/status; echo /proc/1/fd/*");
      expect(status.stdout).toMatch(/CapInh:\t0+\nCapPrm:\t0+(20)?\nSeccomp:\t2\n/);
      expect(status.stdout).toEndWith("/proc/1/fd/0 /proc/1/fd/1 /proc/1/fd/2\n");
      await until("the orphans are reaped", async () => {
        const { stdout } = await box.exec(id, "grep -l '^State:.Z' /proc/[0-9]*/status");
        return stdout === "";
      });
      await box.ok(["delete", "--force", id]);
      const own = await box.call(["run", "--host", "--no-init", "--", "sh", "-c", "echo $$"]);
      expect(own.stdout).toBe("1\n");
    });

    test("programs that cannot be executed: 127 and 126; a filter without clone or wait4 leaves no init", async () => {
      await using box = new Sandbox(subject);
      const text = box.file("text", "no program\n");
      expect((await box.call(["run", "--host", "--", "nosuchprogram"])).code).toBe(127);
      expect(await box.call(["run", "--host", "--", text])).toMatchObject({
        code: 126,
        stderr: `brun: exec: "${text}": permission denied\n`,
      });
      for (const names of [["clone", "clone3", "fork", "vfork"], ["wait4"]]) {
        const filter = {
          defaultAction: "SCMP_ACT_ALLOW",
          syscalls: [{ names, action: "SCMP_ACT_ERRNO" }],
        };
        const file = box.file("filter.json", JSON.stringify(filter));
        const alone = ["run", "--host", "--security-opt", `seccomp=${file}`, "--", "sh", "-c", "echo $$"];
        expect((await box.call(alone)).stdout).toBe("1\n");
      }
    });

    test("create --init: start, kill, exec and the end are the init's", async () => {
      await using box = new Sandbox(subject);
      for (const [flags, annotations] of [
        [["--init"], {}],
        [[], { "org.brun.init": "true" }],
      ] as const) {
        const id = box.name();
        const bundle = box.bundle((spec) => {
          spec.process.args = ["/bin/sh", "-c", "echo $$; trap 'exit 3' TERM; while :; do sleep 0.05; done"];
          spec.annotations = annotations;
        });
        const created = box.spawn(["create", ...flags, "--bundle", bundle, id]);
        expect((await created.done).code).toBe(0);
        expect((await box.inspect(id)).status).toBe("created");
        await box.ok(["start", id]);
        await until("it runs", () => created.stdout() === "2\n");
        const { pid } = await box.inspect(id);
        expect(readFileSync(`/proc/${pid}/comm`, "utf8")).toBe("brun:[init]\n");
        expect((await box.exec(id, "cat /proc/1/comm")).stdout).toBe("brun:[init]\n");
        await box.ok(["kill", id, "TERM"]);
        await box.untilStatus(id, "stopped");
        await box.ok(["delete", id]);
      }
    });

    test("the end of stdin is the end of file for what reads the terminal inside", async () => {
      await using box = new Sandbox(subject);
      for (const [form, argv] of Object.entries(forms(box))) {
        const script = "stty -echo; echo up; cat; echo first; cat; echo second; read x || echo none; exit 4";
        for (const stdin of ["", "one\n", "one\ntwo"]) {
          const { code, stdout } = await box.call(argv(["-i", "-t"], script), { stdin });
          // What comes before the terminal's echo is off is shown by it.
          const shown = stdout.replaceAll("\r", "").slice(stdout.replaceAll("\r", "").indexOf("up\n"));
          expect({ form, stdin, code, shown }).toEqual({
            form,
            stdin,
            code: 4,
            shown: `up\n${stdin}first\nsecond\nnone\n`,
          });
        }
      }
    });

    test("-d prints the name and returns; a pipe that is not read is told of", async () => {
      await using box = new Sandbox(subject);
      for (const more of [[], ["--rm"]]) {
        const script = 'id=$("$@" 2>&1); echo "$id"';
        const argv = box.argv(["run", "--host", "-d", ...more, "--", "sleep", "1000"]);
        const started = performance.now();
        const { stdout } = Bun.spawnSync(["sh", "-c", script, "sh", ...argv], { env: box.env, cwd: box.dir });
        expect(performance.now() - started).toBeLessThan(30000);
        const id = stdout.toString().trim();
        expect(id).toMatch(/^host-[0-9a-f]{6}$/);
        expect((await box.inspect(id)).status).toBe("running");
        await box.ok(["delete", "--force", id]);
      }
      const root = makeRootfs(ownedDir(caller, `${box.dir}/root`), caller);
      const piped = await box.call(["run", "--rootfs", root, "--", "cat"], { stdin: "words" });
      expect(piped).toMatchObject({ code: 0, stdout: "" });
    });

    test("--device, --entrypoint, --net and exec -it do what podman's do", async () => {
      await using box = new Sandbox(subject);
      const root = makeRootfs(ownedDir(caller, `${box.dir}/root`), caller);
      const run = ["run", "--rootfs", root];
      const device = await box.call([
        ...run,
        "--device",
        "/dev/zero:/dev/nothing",
        "--",
        "head",
        "-c2",
        "/dev/nothing",
      ]);
      expect(device).toMatchObject({ code: 0, stdout: "\0\0" });
      const words = ["--entrypoint", '["sh", "-c"]', "--", "echo $0 $#", "one", "two"];
      expect((await box.call([...run, ...words])).stdout).toBe("one 1\n");
      const links = ["--", "sh", "-c", "ls /sys/class/net 2>/dev/null || cut -d: -f1 /proc/net/dev"];
      expect((await box.call(["run", "--host", "--net", "none", ...links])).stdout.trim()).toBe("lo");
      const id = box.name();
      await box.ok([...run, "-d", "--name", id, "--", "sleep", "1000"]);
      await using session = box.terminal([
        "exec",
        "-it",
        id,
        "sh",
        "-c",
        "tty; read line; echo got $line; exit 5",
      ]);
      await shows(session, "/dev/pts/");
      session.write("words\r");
      await shows(session, "got words");
      expect(await session.exited).toBe(5);
    });

    test("--host says in the environment where the program is", async () => {
      await using box = new Sandbox(subject);
      expect((await box.call(["run", "--host", "--", "printenv", "container"])).stdout).toBe("brun\n");
      await using session = box.terminal(["run", "--host", "-it", "--", "printenv", "debian_chroot"]);
      await shows(session, "brun");
      expect(await session.exited).toBe(0);
    });
  });
}
