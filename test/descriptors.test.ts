/** What is handed through: descriptors, socket activation, pidfds. */
import { describe, expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { close } from "../src/sys/fs.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { FdReceiver, readable } from "./support/sockets.ts";

/** Runs `use` with as many open files, which say their number. */
async function withFiles<T>(box: Sandbox, count: number, use: (fds: number[]) => Promise<T>): Promise<T> {
  const fds = Array.from({ length: count }, (_, i) => openSync(box.file(`given-${i}`, `${i}\n`), "r"));
  try {
    return await use(fds);
  } finally {
    for (const fd of fds) closeSync(fd);
  }
}

for (const subject of subjects()) {
  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    test("nothing but stdio is handed on unless asked for", async () => {
      await using box = new Sandbox(subject);
      const outcome = await withFiles(box, 5, (fds) =>
        box.sh("for n in 3 4 5 6 7; do readlink /proc/$$/fd/$n | grep given; done", undefined, { fds }),
      );
      expect(outcome.stdout).toBe("");
    });

    test("--preserve-fds N hands on exactly N", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.args = [
          "/bin/sh",
          "-c",
          "for n in 3 4 5 6; do cat <&$n; done 2>/dev/null; for n in 0 1 2 3 4 5 6 7 8 9; do [ -e /proc/self/fd/$n ] && echo -n $n; done",
        ];
      });
      for (const count of [1, 3]) {
        const outcome = await withFiles(box, 4, (fds) =>
          box.call(["run", "--preserve-fds", `${count}`, "--bundle", bundle, box.name()], { fds }),
        );
        const [contents, open] = [
          outcome.stdout.split("\n").slice(0, -1),
          outcome.stdout.split("\n").at(-1)!,
        ];
        expect(contents).toEqual(Array.from({ length: count }, (_, i) => `${i}`));
        expect(open).toBe("0123456789".slice(0, 3 + count));
      }
    });

    test("--preserve-fds of a descriptor that is not open is refused", async () => {
      await using box = new Sandbox(subject);
      const id = box.name();
      const outcome = await box.call(["run", "--preserve-fds", "30", "--bundle", box.bundle(), id]);
      if (subject.runtime === "crun") return; // hands on what there is
      expect(outcome.code).not.toBe(0);
      await box.untilGone(id);
    });

    test("LISTEN_FDS: descriptors and variables", async () => {
      await using box = new Sandbox(subject);
      const script = "echo $LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES; cat <&3; cat <&4";
      const env = { LISTEN_FDS: "2", LISTEN_FDNAMES: "one:two" };
      const outcome = await withFiles(box, 2, (fds) =>
        box.sh(script, undefined, { fds, env, listenPid: true }),
      );
      const [variables, ...contents] = outcome.stdout.split("\n");
      expect(contents).toEqual(["0", "1", ""]);
      expect(variables).toMatch(subject.runtime === "runc" ? /^2 1/ : /^2 1 one:two$/);
    });

    test("LISTEN_FDS and --preserve-fds together", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sh", "-c", "cat <&3; cat <&4; cat <&5; cat <&6 2>/dev/null"];
      });
      const outcome = await withFiles(box, 4, (fds) =>
        box.call(["run", "--preserve-fds", "2", "--bundle", bundle, box.name()], {
          fds,
          env: { LISTEN_FDS: "1" },
          listenPid: true,
        }),
      );
      expect(outcome.stdout).toBe("0\n1\n2\n");
    });

    test("LISTEN_FDS for another process is not handed on", async () => {
      await using box = new Sandbox(subject);
      if (subject.runtime === "crun") return; // does not look at LISTEN_PID
      const script = "env | grep -c ^LISTEN_; readlink /proc/$$/fd/3 | grep -c given";
      for (const pid of [undefined, "1", `${process.pid}`, "self"]) {
        const env = { LISTEN_FDS: "1", ...(pid === undefined ? {} : { LISTEN_PID: pid }) };
        const outcome = await withFiles(box, 1, (fds) => box.sh(script, undefined, { fds, env }));
        expect(outcome.stdout).toBe("0\n0\n");
      }
    });

    if (subject.runtime === "brun") {
      test("LISTEN_PID is the process's own pid, also when that is not 1", async () => {
        await using box = new Sandbox(subject);
        const argv = ["/bin/sh", "-c", `test $LISTEN_PID = $$ || echo $LISTEN_PID is not $$; cat <&3`];
        const options = { env: { LISTEN_FDS: "1" }, listenPid: true };
        const shared = box.bundle((spec) => {
          spec.process.args = argv;
          spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "pid");
          spec.mounts = spec.mounts.filter(({ type }) => type !== "proc");
        });
        const id = await box.detached();
        for (const args of [
          ["run", "--bundle", shared, box.name()],
          ["exec", id, ...argv],
        ]) {
          const outcome = await withFiles(box, 1, (fds) => box.call(args, { ...options, fds }));
          expect(outcome).toMatchObject({ stdout: "0\n", code: 0 });
        }
      });
    }

    if (subject.runtime === "brun") {
      test.each(["run", "exec"])("%s --pidfd-socket gets the process's pidfd", async (command) => {
        await using box = new Sandbox(subject);
        using receiver = new FdReceiver(`${box.dir}/pidfd`);
        const [id, pidFile] = [command === "exec" ? await box.detached() : box.name(), `${box.dir}/pid`];
        const bundle = box.bundle((spec) => {
          spec.process.args = ["/bin/sleep", "1000"];
        });
        const flags = ["--pidfd-socket", `${box.dir}/pidfd`, "--pid-file", pidFile, "--detach"];
        const what = command === "run" ? ["--bundle", bundle, id] : [id, "/bin/sleep", "1000"];
        await box.ok([command, ...flags, ...what]);
        const pidfd = await receiver.receive();
        const pid = await Bun.file(pidFile).text();
        expect(await Bun.file(`/proc/self/fdinfo/${pidfd}`).text()).toContain(`Pid:\t${pid.trim()}\n`);
        process.kill(Number(pid), "SIGKILL");
        expect(readable(pidfd, 5000)).toBe(true);
        close(pidfd);
      });

      test("create --pidfd-socket gets the process's pidfd", async () => {
        await using box = new Sandbox(subject);
        using receiver = new FdReceiver(`${box.dir}/pidfd`);
        const id = box.name();
        await box.ok(["create", "--pidfd-socket", `${box.dir}/pidfd`, "--bundle", box.bundle(), id]);
        const pidfd = await receiver.receive();
        const { pid } = await box.inspect(id);
        expect(await Bun.file(`/proc/self/fdinfo/${pidfd}`).text()).toContain(`Pid:\t${pid}\n`);
        expect(readable(pidfd, 0)).toBe(false);
        await box.ok(["kill", id, "KILL"]);
        expect(readable(pidfd, 5000)).toBe(true);
        close(pidfd);
      });
    }
  });
}
