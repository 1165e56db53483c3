/** `exec`: every flag, the process file, exit codes. */
import { describe, expect, test } from "bun:test";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { until } from "./support/processes.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";

for (const subject of subjects()) {
  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    test("runs in all of the container's namespaces and returns the exit code", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      const { pid } = await box.inspect(id);
      const outcome = await box.exec(
        id,
        "cd /proc/self/ns; for n in *; do echo $n $(readlink $n); done; exit 42",
      );
      expect(outcome.code).toBe(42);
      const inside = Object.fromEntries(
        outcome.stdout
          .trim()
          .split("\n")
          .map((line) => line.split(" ")),
      );
      const first = await box.exec(id, "cd /proc/1/ns; for n in *; do echo $n $(readlink $n); done");
      expect(
        Object.fromEntries(
          first.stdout
            .trim()
            .split("\n")
            .map((line) => line.split(" ")),
        ),
      ).toEqual(inside);
      expect(pid).toBeGreaterThan(1);
    });

    test("stdin, stdout and stderr pass through", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      const outcome = await box.exec(id, "cat; echo err >&2", [], { stdin: "in\n" });
      expect(outcome).toMatchObject({ code: 0, stdout: "in\n", stderr: "err\n" });
    });

    test("a signal ends it: 128 + signal", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      expect((await box.call(["exec", id, "/bin/sh", "-c", "kill -9 $$"])).code).toBe(128 + 9);
    });

    test("--cwd, --env, --user, --additional-gids", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached((spec) => {
        spec.process.env.push("KEEP=yes", "CHANGE=old");
      });
      const at = await box.exec(id, "pwd", ["--cwd", "/etc"]);
      expect(at).toMatchObject({ code: 0, stdout: "/etc\n" });
      const env = await box.exec(id, "echo $KEEP $CHANGE $NEW", ["-e", "CHANGE=new", "-e", "NEW=a b"]);
      // crun replaces the environment, runc and brun add to it.
      expect(env.stdout).toBe(subject.runtime === "crun" ? "new a b\n" : "yes new a b\n");
      if (subject.caller.name === "root") {
        const user = await box.exec(id, "id -u; id -g; id -G; echo $HOME", [
          "--user",
          "1000:50",
          "-g",
          "5",
          "-g",
          "60",
        ]);
        expect(user.stdout.split("\n").slice(0, 2)).toEqual(["1000", "50"]);
        expect(user.stdout.split("\n")[2]!.split(" ").sort()).toEqual(["5", "50", "60"]);
        const only = await box.exec(id, "id -u; id -g", ["--user", "7"]);
        expect(only.stdout).toBe("7\n0\n");
      }
      const root = await box.exec(id, "id -u; id -g", ["--user", "0:0"]);
      expect(root.stdout).toBe("0\n0\n");
    });

    // podman's own does so before it calls the runtime.
    test.if(subject.runtime === "brun")("what was typed and does not do is named by its flag", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      const isMapped = subject.caller.uid !== 0;
      for (const [argv, line] of [
        [[id, "nosuch"], 'exec: "nosuch": executable file not found in $PATH'],
        [
          ["--cwd", "/nosuch", id, "ls"],
          "--cwd: cannot change to the working directory /nosuch: no such file or directory (ENOENT)",
        ],
        ...(isMapped
          ? ([
              [
                ["--user", "4000000", id, "ls"],
                `--user: cannot set the user id to 4000000: invalid argument (EINVAL); hint: the container has no such id: \`brun exec ${id} cat /proc/self/uid_map\` lists those that it has`,
              ],
            ] as const)
          : []),
      ] as const) {
        expect(await box.call(["exec", ...argv])).toMatchObject({ code: 255, stderr: `brun: ${line}\n` });
      }
      const file = box.file("process.json", JSON.stringify({ args: ["nosuch"], cwd: "/", env: [] }));
      const { stderr } = await box.call(["exec", "--process", file, id]);
      expect(stderr).toBe('brun: process.args[0]: exec: "nosuch": executable file not found in $PATH\n');
    });

    test.if(subject.runtime === "brun")("--user by a name of the container's files", async () => {
      await using box = new Sandbox(subject);
      const hasOthers = subject.caller.name === "root";
      const id = await box.detached((spec) => {
        spec.process.user = { uid: 0, gid: 0, umask: 0o27, ...(hasOthers && { additionalGids: [5] }) };
      });
      const who = "id -u; id -g; id -G; echo $HOME; umask";
      expect((await box.exec(id, who, ["-u", "root"])).stdout).toBe("0\n0\n0\n/root\n0027\n");
      const missing = await box.exec(id, who, ["-u", "nobody"]);
      expect(missing).toMatchObject({ code: 255, stdout: "" });
      expect(missing.stderr).toBe(
        `brun: --user: no user "nobody" in the container's /etc/passwd; hint: a name from there, or a uid\n`,
      );
      // As the container has them now; a link leads nowhere outside.
      await box.exec(id, "echo 'zero:x:0:0::/nowhere:' >>/etc/passwd");
      expect((await box.exec(id, who, ["-u", "zero:root"])).code).toBe(0);
      if (hasOthers) {
        const alice = await box.exec(id, who, ["-u", "alice"]);
        expect(alice.stdout).toBe("1000\n1000\n1000 50\n/home/alice\n0027\n");
        expect((await box.exec(id, "id -u; id -g", ["-u", "1000:staff"])).stdout).toBe("1000\n50\n");
      }
      await box.exec(id, "rm /etc/passwd; ln -s ../../../../../../../../etc/passwd /etc/passwd");
      const none = await box.exec(id, who, ["-u", "root"]);
      expect(none.stderr).toBe(
        `brun: --user: no user "root" in the container's /etc/passwd; hint: there is no such file, or it is no regular one of at most 16 MiB; a uid and a gid need no file\n`,
      );
    });

    // runc 1.1 and crun take some of them.
    test.if(subject.runtime === "brun")("--env is NAME=value, --cwd absolute", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      for (const [flag, value] of [
        ["--env", "NAME"],
        ["--env", "=value"],
        ["--cwd", "bin"],
      ] as const) {
        const { code, stderr } = await box.exec(id, "true", [flag, value]);
        expect([flag, value, code]).toEqual([flag, value, 255]);
        expect(stderr).toStartWith(`brun: ${flag}`);
      }
    });

    test("--process FILE without capabilities and limits has those of the container", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached((spec) => {
        const some = ["CAP_KILL", "CAP_CHOWN"];
        spec.process.capabilities = { bounding: some, effective: some, permitted: some };
        spec.process.rlimits = [{ type: "RLIMIT_NOFILE", hard: 77, soft: 66 }];
      });
      const args = ["/bin/sh", "-c", "grep -E 'Cap(Bnd|Eff|Prm)' /proc/self/status; ulimit -n"];
      const file = box.file("process.json", JSON.stringify({ args, cwd: "/", env: ["PATH=/bin"] }));
      const { stdout } = await box.call(["exec", "--process", file, id]);
      const set = "0000000000000021\n";
      // crun takes the caller's limits.
      const limit = subject.runtime === "crun" ? /\d+\n/.exec(stdout)?.[0] : "66\n";
      expect(stdout).toBe(`CapPrm:\t${set}CapEff:\t${set}CapBnd:\t${set}${limit}`);
    });

    test("--process FILE says it all", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      const file = box.file(
        "process.json",
        JSON.stringify({
          terminal: false,
          user: { uid: 0, gid: 0 },
          args: ["/bin/sh", "-c", "echo $FROM; pwd; ulimit -n; grep NoNewPrivs /proc/self/status; exit 5"],
          env: ["PATH=/bin", "FROM=file"],
          cwd: "/tmp",
          rlimits: [{ type: "RLIMIT_NOFILE", hard: 77, soft: 66 }],
          noNewPrivileges: true,
        }),
      );
      const outcome = await box.call(["exec", "--process", file, id]);
      expect(outcome.stdout).toBe("file\n/tmp\n66\nNoNewPrivs:\t1\n");
      expect(outcome.code).toBe(5);
    });

    test("--detach returns at once, --pid-file has the host's pid", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      const pidFile = `${box.dir}/exec.pid`;
      await box.ok([
        "exec",
        "--detach",
        "--pid-file",
        pidFile,
        id,
        "/bin/sh",
        "-c",
        "echo $$ >/pid; sleep 500",
      ]);
      const pid = Number(readFileSync(pidFile, "utf8"));
      await until("the process", () => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("sleep"));
      expect((await box.exec(id, "cat /pid")).code).toBe(0);
      await box.ok(["delete", "--force", id]);
      await box.untilGone(id);
    });

    test("--cap adds capabilities, --no-new-privs sets the flag; neither without them", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached((spec) => {
        spec.process.noNewPrivileges = false;
      });
      const status = async (...flags: string[]): Promise<Record<string, string>> => {
        const { stdout } = await box.exec(id, "cat /proc/self/status", flags);
        return Object.fromEntries(stdout.split("\n").map((line) => line.split(":\t") as [string, string]));
      };
      const plain = await status();
      expect(plain.NoNewPrivs).toBe("0");
      const has = (set: string | undefined, bit: number): boolean =>
        (BigInt(`0x${set}`) >> BigInt(bit)) % 2n === 1n;
      const CAP_NET_RAW = 13;
      expect(has(plain.CapEff, CAP_NET_RAW)).toBe(false);
      const more = await status("--cap", "CAP_NET_RAW", "--no-new-privs");
      expect(more.NoNewPrivs).toBe("1");
      expect(has(more.CapEff, CAP_NET_RAW)).toBe(true);
      expect(has(more.CapBnd, CAP_NET_RAW)).toBe(true);
      expect((await status("--no-new-privs=false")).NoNewPrivs).toBe("0");
      // CVE-2022-27650, CVE-2022-29162: nothing inheritable that was not asked for.
      if (subject.runtime === "brun") expect(BigInt(`0x${plain.CapInh}`)).toBe(BigInt(`0x${plain.CapAmb}`));
    });

    test("--preserve-fds hands on so many and no more", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();

      const open = [0, 1, 2].map((n) => openSync(box.file(`fd${n}`, `text ${n}\n`), "r"));
      const outcome = await box.exec(id, "cat <&3; cat <&4; cat <&5; echo end", ["--preserve-fds", "2"], {
        fds: open,
      });
      for (const fd of open) closeSync(fd);
      expect(outcome.stdout).toBe("text 0\ntext 1\nend\n");
      expect(outcome.stderr).toContain("5");
    });

    test("failures have exit code 255 and leave the container running", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      const bad: [string, string[], RegExp][] = [
        ["no such program", ["exec", id, "/no/such"], /\/no\/such/],
        ["not on PATH", ["exec", id, "nosuchprogram"], /nosuchprogram/],
        ["not executable", ["exec", id, "/etc/passwd"], /permission denied/i],
        ["no such directory", ["exec", "--cwd", "/no/dir", id, "/bin/true"], /no\/dir/],
      ];
      for (const [what, args, message] of bad) {
        const outcome = await box.call(args);
        expect(`${what}: ${outcome.code !== 0}`).toBe(`${what}: true`);
        if (subject.runtime === "brun") {
          expect(outcome.code).toBe(255);
          expect(outcome.stderr).toMatch(message);
        }
      }
      expect((await box.inspect(id)).status).toBe("running");
    });

    test("a stopped, created or unknown container", async () => {
      await using box = new Sandbox(subject);
      const id = box.name();
      expect((await box.call(["exec", "nobody", "/bin/true"])).code).not.toBe(0);
      await box.ok(["create", "--bundle", box.bundle(), id]);
      await box.ok(["start", id]);
      await box.untilStatus(id, "stopped");
      const outcome = await box.call(["exec", id, "/bin/true"]);
      expect(outcome.code).not.toBe(0);
      if (subject.runtime === "brun") expect(outcome.code).toBe(255);
    });

    test("a container that is ending is not running", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      const { pid } = await box.inspect(id);
      // Its first process does not go before this one has been waited for.
      const held = box.spawn(["exec", id, "/bin/sh", "-c", "touch /there; exec sleep 1000"]);
      try {
        const there = async () => (await box.exec(id, "test -e /there")).code === 0;
        await until("it is there", there);
        process.kill(held.pid, "SIGSTOP");
        await box.ok(["kill", id, "KILL"]);
        await until("it has left its namespaces", () => !existsSync(`/proc/${pid}/ns/mnt`));
        const { code, stderr } = await box.exec(id, "true");
        expect(code).toBe(255);
        if (subject.runtime === "brun") expect(stderr).toBe("brun: container not running\n");
      } finally {
        process.kill(held.pid, "SIGCONT");
      }
      expect((await held.done).code).toBe(137);
    });

    test("the exit code reaches a caller that ignores SIGCHLD, of run and exec", async () => {
      await using box = new Sandbox(subject);
      const ignoring = { under: ["/bin/sh", "-c", "trap '' CHLD; exec \"$@\"", "sh"] };
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sh", "-c", "exit 3"];
      });
      expect(await box.call(["run", "--bundle", bundle, box.name()], ignoring)).toMatchObject({ code: 3 });
      const id = await box.detached();
      const exec = ["exec", id, "/bin/sh", "-c", "exit 4"];
      expect(await box.call(exec, ignoring)).toMatchObject({ code: 4, stderr: "" });
    });

    test("20 at once", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, i) => box.exec(id, `echo ${i}; exit ${i}`)),
      );
      expect(outcomes.map(({ code }) => code)).toEqual(outcomes.map((_, i) => i));
      expect(outcomes.map(({ stdout }) => stdout)).toEqual(outcomes.map((_, i) => `${i}\n`));
    });
  });
}
