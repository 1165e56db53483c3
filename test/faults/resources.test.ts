/** What brun cannot have: room for its state, namespaces, descriptors, memory, an answer. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { NR, syscall } from "../../src/sys/ffi.ts";
import { close } from "../../src/sys/fs.ts";
import { isRoot } from "../support/caller.ts";
import { HAS_FRONT } from "../support/front.ts";
import { killHard, until } from "../support/processes.ts";
import { pureCgroup2, subjects } from "../support/runtime.ts";
import { type Outcome, Sandbox } from "../support/sandbox.ts";
import { shows } from "../support/terminal.ts";

/** Asserts that a command has failed with one line of brun's that matches. */
function fails(outcome: Outcome, says: RegExp): void {
  const lines = outcome.stderr.trim().split("\n");
  expect(`${outcome.code}: ${outcome.stderr}`).toMatch(/^(1|255): brun: /);
  expect(lines.filter((line) => !line.startsWith("brun: warning: "))).toHaveLength(1);
  expect(outcome.stderr).toMatch(says);
}

/** Ticks of CPU time that a process has used (proc_pid_stat(5): utime and stime). */
function cpuTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

for (const subject of subjects(["brun"])) {
  const { caller } = subject;
  const rootless = caller.name === "user";

  describe(subject.label, () => {
    test.skipIf(!isRoot)(
      "a state directory without room: a line names the file, and nothing stays",
      async () => {
        await using box = new Sandbox(subject);
        mkdirSync(box.state);
        const bundle = box.bundle();
        // In a mount namespace of its own: what is mounted there is nobody else's.
        const script = `options=$1 filler=$2 bundle=$3 id=$4; shift 4
        mount -t tmpfs -o "$options" tmpfs ${box.state} || exit 9
        [ "$filler" = 0 ] || head -c "$filler" /dev/zero >${box.state}/filler
        "$@" create --bundle "$bundle" "$id"; code=$?
        "$@" delete --force "$id" || exit 8
        ls ${box.state}; exit $code`;
        const full = (options: string, filler: number, id: string) => {
          const owner = `uid=${caller.uid},gid=${caller.gid},mode=700`;
          const args = [`${owner},${options}`, `${filler}`, bundle, id];
          const argv = ["unshare", "--mount", "sh", "-c", script, "sh", ...args, ...box.argv([])];
          const { exitCode, stdout, stderr } = Bun.spawnSync(argv, { env: box.env, stdin: "ignore" });
          return { code: exitCode, signal: null, stdout: stdout.toString(), stderr: stderr.toString() };
        };
        let refused = 0;
        // The directory and its files take an inode each, the files a page each.
        for (let room = 1; room <= 5; room++) {
          for (const [options, filler] of [
            [`nr_inodes=${room}`, 0],
            ["size=8k", 8192 - 4096 * (room % 3)],
          ] as const) {
            const id = box.name();
            const outcome = full(options, filler, id);
            if (outcome.code !== 0) {
              refused += 1;
              fails(outcome, /no space left on device/);
            }
            expect(outcome.stdout.replace("filler\n", "")).toBe("");
            await box.untilGone(id);
          }
        }
        expect(refused).toBeGreaterThan(3);
      },
    );

    test("no user namespace can be had: the limit is named", async () => {
      await using box = new Sandbox(subject);
      const id = box.name();
      const bundle = box.bundle((spec) => {
        spec.linux.namespaces = [
          ...spec.linux.namespaces.filter(({ type }) => type !== "user"),
          { type: "user" },
        ];
        spec.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 1 }];
        spec.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 1 }];
      });
      const script = 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"';
      const argv = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"];
      const { prefix } = caller;
      const command = box.argv(["run", "--bundle", bundle, id]).slice(prefix.length);
      const { exitCode, stderr } = Bun.spawnSync([...prefix, ...argv, ...command], { env: box.env });
      fails({ code: exitCode, signal: null, stdout: "", stderr: stderr.toString() }, /max_user_namespaces/);
      await box.untilGone(id);
    });

    test("few descriptors: it works, or a line says that there are too few", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        delete spec.process.rlimits;
      });
      let worked = 0;
      for (const limit of [64, 32, 24, 22, 20, 18, 17, 16, 15, 14]) {
        const id = box.name();
        const under = ["sh", "-c", `ulimit -n ${limit}; exec "$@"`, "sh"];
        const outcome = await box.call(["run", "--bundle", bundle, id], { under });
        if (outcome.code === 0) worked += 1;
        else fails(outcome, /EMFILE|too many open files|cannot load the stage|descriptor/i);
        await box.untilGone(id);
      }
      expect(worked).toBeGreaterThan(2);
    });

    test.if(HAS_FRONT)("files may not grow: a line names the file that could not be written", async () => {
      await using box = new Sandbox(subject);
      const id = box.name();
      // On a pipe: a file could not take the line.
      const command = box.argv(["create", "--bundle", box.bundle(), id]);
      const argv = ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", ...command];
      const { exitCode, stderr } = Bun.spawnSync(argv, { env: box.env });
      const outcome = { code: exitCode, signal: null, stdout: "", stderr: stderr.toString() };
      fails(outcome, /too large|EFBIG|cannot load/);
      await box.untilGone(id);
    });

    test.skipIf(!isRoot)("no memory: brun ends, and nothing stays after delete", async () => {
      await using box = new Sandbox(subject);
      const name = box.name();
      const directory = pureCgroup2 ? `/sys/fs/cgroup/${name}` : `/sys/fs/cgroup/memory/${name}`;
      mkdirSync(directory);
      try {
        const bundle = box.bundle();
        for (const megabytes of [4, 8, 12, 16, 24]) {
          const file = pureCgroup2 ? "memory.max" : "memory.limit_in_bytes";
          writeFileSync(`${directory}/${file}`, `${megabytes << 20}`);
          const id = box.name();
          const under = ["sh", "-c", `echo 0 >${directory}/cgroup.procs; exec "$@"`, "sh"];
          const outcome = await box.call(["run", "--bundle", bundle, id], { under });
          expect([0, 1, 137, null]).toContain(outcome.code);
          await box.ok(["delete", "--force", id]);
          await box.untilGone(id);
        }
      } finally {
        rmdirSync(directory);
      }
    });

    test("a hook that hangs: its time-out ends it; without one delete says who is in the way", async () => {
      await using box = new Sandbox(subject);
      const hook = { path: "/bin/sleep", args: ["sleep", "1000"], env: [`BRUN_TEST_BOX=${box.dir}`] };
      const timed = box.bundle((spec) => {
        spec.hooks = { createRuntime: [{ ...hook, timeout: 1 }] };
      });
      const id = box.name();
      fails(await box.call(["run", "--bundle", timed, id]), /hooks\.createRuntime\[0\].* longer than 1 s/);
      await box.untilGone(id);
      const endless = box.bundle((spec) => {
        spec.hooks = { createRuntime: [hook] };
      });
      const stuck = box.name();
      const creating = box.spawn(["create", "--bundle", endless, stuck], { timeoutMs: 60000 });
      await until("the hook", () => box.leftovers().some((line) => line.includes("sleep 1000")));
      const deleted = await box.call(["delete", "--force", stuck], { timeoutMs: 60000 });
      fails(deleted, new RegExp(`process ${creating.pid}, has been at work on it for 10 s`));
      creating.kill("SIGKILL");
      await creating.done;
      for (const line of box.leftovers()) {
        const pid = /^process (\d+): sleep 1000/.exec(line)?.[1];
        if (pid !== undefined) killHard(Number(pid));
      }
      await box.ok(["delete", "--force", stuck]);
      await box.untilGone(stuck);
    }, 120000);

    test("a reader that does not read: signals arrive all the same", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.terminal = true;
        spec.process.args = ["/bin/sh", "-c", "trap 'exit 7' TERM; yes & while :; do sleep 0.1; done"];
      });
      const pipe = new Int32Array(2);
      syscall(NR.pipe2, pipe, 0o2000000);
      const child = Bun.spawn(box.argv(["run", "--bundle", bundle, box.name()]), {
        env: box.env,
        stdio: ["ignore", pipe[1]!, "inherit"],
      });
      close(pipe[1]!);
      // Full when nothing has been added for a while.
      await Bun.sleep(700);
      child.kill("SIGTERM");
      expect(await child.exited).toBe(7);
      close(pipe[0]!);
    });

    test("a terminal that goes away: the container hears of it, or goes on, and nothing spins", async () => {
      await using box = new Sandbox(subject);
      const scripts = [
        "trap 'exit 3' HUP; echo up; while :; do sleep 0.05; done",
        "trap '' HUP; echo up; exec sleep 1000",
      ];
      for (const [i, script] of scripts.entries()) {
        const id = box.name();
        const bundle = box.bundle((spec) => {
          spec.process.terminal = true;
          spec.process.args = ["/bin/sh", "-c", script];
        });
        const session = box.terminal(["run", "--bundle", bundle, id]);
        await shows(session, "up");
        session.hangUp();
        if (i === 0) {
          expect(await session.exited).toBe(3);
          continue;
        }
        await Bun.sleep(200);
        const before = cpuTicks(session.pid);
        await Bun.sleep(1000);
        expect(cpuTicks(session.pid) - before).toBeLessThan(10);
        expect((await box.inspect(id)).status).toBe("running");
        await box.ok(["kill", id, "KILL"]);
        expect(await session.exited).toBe(137);
      }
    });

    if (!rootless && !pureCgroup2) {
      test("a cgroup that someone has frozen: kill and delete end what is in it", async () => {
        await using box = new Sandbox(subject);
        for (const args of [
          ["kill", "KILL"],
          ["delete", "--force"],
        ]) {
          const id = await box.detached();
          const { pid } = await box.inspect(id);
          const line = readFileSync(`/proc/${pid}/cgroup`, "utf8").match(/^\d+:freezer:(.*)$/m)!;
          const state = `/sys/fs/cgroup/freezer${line[1]}/freezer.state`;
          writeFileSync(state, "FROZEN");
          await until("frozen", () => readFileSync(state, "utf8") === "FROZEN\n");
          expect((await box.inspect(id)).status).toBe("paused");
          await box.ok(args[0] === "kill" ? ["kill", id, "KILL"] : ["delete", "--force", id]);
          await until(
            "the end",
            () =>
              !existsSync(`/proc/${pid}`) || /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8")),
          );
          await box.ok(["delete", "--force", id]);
          await box.untilGone(id);
        }
      });
    }
  });
}
