/**
 * Forms of `exec` that the front does by the plans of the container: the process is the one that Bun makes of the same
 * command line, and whatever is not as usual is left to Bun. BRUN_EXECS=N tries N environments by chance.
 */
import { describe, expect, test } from "bun:test";
import { closeSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { LOOK, left, output, running, same } from "./support/execs.ts";
import { BY_BUN, call, front, HAS_FRONT } from "./support/front.ts";
import { until } from "./support/processes.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { FdReceiver, readable } from "./support/sockets.ts";

const EXECS = Number(process.env.BRUN_EXECS ?? 2);

interface Process {
  readonly user: { readonly uid: number; readonly gid: number; readonly umask?: number };
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly terminal?: boolean;
  readonly noNewPrivileges?: boolean;
}

/** The process of a container, with its fields in the order of its config. */
function processOf(box: Sandbox, id: string): Process {
  return JSON.parse(readFileSync(`${box.state}/${id}/exec.json`, "utf8")).process as Process;
}

const ENVIRONMENTS: readonly (readonly [title: string, env: readonly string[] | undefined])[] = [
  ["PATH alone", ["PATH=/bin:/usr/bin"]],
  ["HOME and a name twice", ["PATH=/nonesuch", "HOME=/tmp", "A=1", "B=2", "A=3", "PATH=/bin"]],
  ["an empty HOME", ["HOME=", "PATH=/bin"]],
  ["none", undefined],
];

for (const subject of subjects(["brun"])) {
  describe(subject.label, () => {
    test.each(ENVIRONMENTS)("exec --env in a container whose environment is %s", async (_title, env) => {
      await using box = new Sandbox(subject);
      const id = await running(box, (spec) => {
        if (env === undefined) delete (spec.process as { env?: unknown }).env;
        else spec.process.env = [...env];
      });
      const flags: readonly (readonly string[])[] = [
        ["-e", "A=1"],
        ["-e", "A=1", "--env=A=2", "-w", "/etc"],
        ["-e", "HOME=/elsewhere"],
        ["-e", "PATH=/usr/bin:/bin", "-e", "EMPTY=", "-eB=x=y z"],
        ["-e", "HOSTNAME=h", "-e", "größe=ß"],
      ];
      for (const given of flags) {
        const seen = await same(box, ["exec", ...given, id, "/bin/sh", "-c", LOOK]);
        expect(seen).toContain("HOME=/");
      }
      // HOME is that of passwd(5) again, which the plan has to look up.
      const unset = ["exec", "-e", "HOME=", id, "/bin/sh", "-c", "echo $HOME"];
      expect((await call(box, unset)).stdout).toContain((await box.call(unset, BY_BUN)).stdout);
      // The program is looked for in the PATH that it gets.
      await same(box, ["exec", "-e", "PATH=/bin", id, "sh", "-c", LOOK]);
      await left(box, ["exec", "-e", "PATH=/nonesuch", id, "sh"]);
    });

    test("exec --env by chance", async () => {
      await using box = new Sandbox(subject);
      const name = fc.constantFrom("A", "B", "HOME", "PATH", "TERM", "HOSTNAME", "a b", "ü");
      const value = fc.constantFrom("", "/bin", "/bin:/usr/bin", "x", "=", "a b", "\n", "'", "/tmp", "ß");
      const variable = fc.tuple(name, value).map((pair) => pair.join("="));
      const variables = fc.uniqueArray(variable, { maxLength: 6, comparator: () => false });
      const cases = fc.sample(
        fc.tuple(variables, fc.array(variables, { minLength: 2, maxLength: 2 })),
        EXECS,
      );
      for (const [own, given] of cases) {
        const id = await running(box, (spec) => {
          spec.process.env = own;
        });
        for (const more of given) {
          const args = ["exec", ...more.flatMap((one) => ["-e", one]), id, "/bin/cat", "/proc/self/environ"];
          // For an empty HOME the plan may have to look up that of passwd(5).
          const asked = [...own, ...more].includes("HOME=") ? call : front;
          const [mine, bun] = [await asked(box, args), await box.call(args, BY_BUN)];
          // An empty HOME at the end of the container's own may stand at another place.
          const sorted = (text: string) => text.split("\0").sort();
          expect({ own, args, env: sorted(output(mine)) }).toEqual({ own, args, env: sorted(bun.stdout) });
        }
        await box.ok(["delete", "--force", id]);
      }
    });

    test("exec --env: what is no variable is left to Bun", async () => {
      await using box = new Sandbox(subject);
      const id = await running(box);
      for (const word of ["A", "=1", ""])
        expect(await left(box, ["exec", "-e", word, id, "true"])).toContain("NAME=value");
    });

    test("exec --pid-file, also with --detach", async () => {
      await using box = new Sandbox(subject);
      const id = await running(box);
      const file = `${box.dir}/pid`;
      writeFileSync(file, "old and longer than a pid");
      await front(box, ["exec", "--detach", "--pid-file", file, id, "sh", "-c", "exec sleep 1000"]);
      const pid = readFileSync(file, "utf8");
      expect(pid).toMatch(/^\d+$/);
      await until("it sleeps", () => readFileSync(`/proc/${pid}/cmdline`, "utf8") === "sleep\0" + "1000\0");
      const inFront = await front(box, ["exec", "--pid-file", file, id, "sh", "-c", "echo done"]);
      expect(inFront.stdout).toContain("done");
      expect(readFileSync(file, "utf8")).not.toBe(pid);
      // Nothing else is left beside it.
      expect(readdirSync(box.dir).filter((name) => name.includes("pid"))).toEqual(["pid"]);
    });

    test("exec --pid-file that cannot be written is told by Bun, and nothing runs", async () => {
      await using box = new Sandbox(subject);
      const id = await running(box);
      mkdirSync(`${box.dir}/directory`);
      for (const file of [`${box.dir}/nonesuch/pid`, `${box.dir}/directory`]) {
        await left(box, ["exec", "--pid-file", file, id, "touch", "/ran"]);
        expect((await box.exec(id, "test -e /ran")).code).toBe(1);
      }
      expect(readdirSync(box.dir).filter((name) => name.endsWith(".tmp"))).toEqual([]);
      await left(box, ["exec", "--pid-file", `${box.dir}/pid`, id, "nonesuch"]);
      expect(existsSync(`${box.dir}/pid`)).toBe(false);
    });

    test("exec --process, as engines call it: the container's own process with other words", async () => {
      await using box = new Sandbox(subject);
      const id = await running(box, (spec) => {
        Object.assign(spec.process.user, { umask: 0o022 });
      });
      const own = processOf(box, id);
      const { umask: _, ...user } = own.user;
      const changes: readonly Partial<Process>[] = [
        {},
        // As podman writes it.
        { user },
        { env: ["PATH=/nonesuch", 'A=<&>"\\é', "A=2", "PATH=/bin:/usr/bin"] },
        { env: ["PATH=/bin", "HOME=/tmp"] },
        { cwd: "/etc" },
        { terminal: true },
      ];
      for (const change of changes) {
        const process = { ...own, args: ["/bin/sh", "-c", LOOK], ...change };
        const file = box.file("process.json", `${JSON.stringify(process)}\n`);
        expect(await same(box, ["exec", "--process", file, id])).toContain("PATH=");
      }
      const pid = `${box.dir}/pid`;
      const args = ["/bin/sh", "-c", "echo ran > /ran; exec sleep 1000"];
      const file = box.file("process.json", JSON.stringify({ ...own, args }));
      await front(box, ["exec", "--pid-file", pid, "--process", file, "--detach", id]);
      await until("it runs", async () => (await box.exec(id, "cat /ran")).stdout === "ran\n");
      expect(readFileSync(`/proc/${readFileSync(pid, "utf8")}/cmdline`, "utf8")).toContain("sleep");
    });

    test("exec --process of another process, or in another form, is what Bun makes of it", async () => {
      await using box = new Sandbox(subject);
      const id = await running(box);
      const own = { ...processOf(box, id), args: ["/bin/sh", "-c", LOOK] };
      const texts = [
        JSON.stringify(own, null, 2),
        JSON.stringify({ ...own, user: { ...own.user, umask: 0o077 } }),
        JSON.stringify({ ...own, noNewPrivileges: !own.noNewPrivileges }),
        JSON.stringify({ ...own, capabilities: undefined }),
        JSON.stringify({ ...own, oomScoreAdj: 500 }),
        // The last of two counts.
        JSON.stringify(own).replace(/}$/, ',"cwd":"/etc"}'),
      ];
      for (const text of texts) {
        const args = ["exec", "--process", box.file("process.json", text), id];
        const [mine, bun] = [await call(box, args), await box.call(args, BY_BUN)];
        expect({ text, bun: mine.bun, code: mine.code }).toEqual({ text, bun: true, code: bun.code });
        expect(mine.stdout).toContain(bun.stdout);
      }
      for (const text of [
        "",
        "{",
        '{"args":["true"]}',
        JSON.stringify({ ...own, args: [] }),
        JSON.stringify({ ...own, env: ["A"] }),
      ])
        await left(box, ["exec", "--process", box.file("process.json", text), id]);
      await left(box, ["exec", "--process", `${box.dir}/nonesuch`, id]);
      // The writer of a FIFO finds one reader.
      const fifo = `${box.dir}/fifo`;
      Bun.spawnSync(["mkfifo", "-m", "666", fifo]);
      const writer = Bun.spawn(["sh", "-c", 'printf %s "$1" >"$2"', "sh", JSON.stringify(own), fifo]);
      const read = await call(box, ["exec", "--process", fifo, id]);
      expect([read.bun, read.code, await writer.exited]).toEqual([true, 0, 0]);
      await left(box, [
        "exec",
        "--process",
        box.file("process.json", JSON.stringify({ ...own, args: ["nonesuch"] })),
        id,
      ]);
    });

    test("exec --console-socket: one terminal arrives, also if the program cannot be executed", async () => {
      await using box = new Sandbox(subject);
      const id = await running(box);
      const { rootfs } = JSON.parse(await box.ok(["state", id])) as { rootfs: string };
      writeFileSync(`${rootfs}/tmp/broken`, "no program\n", { mode: 0o755 });
      const own = { ...processOf(box, id), terminal: true };
      for (const [args, code] of [
        [["/bin/sh", "-c", "tty; exec sleep 1000"], 0],
        [["/tmp/broken"], 255],
      ] as const) {
        const socket = `${box.dir}/console`;
        const file = box.file("process.json", JSON.stringify({ ...own, args }));
        using engine = new FdReceiver(socket);
        const flags = ["--process", file, "--detach", "--tty", "--console-socket", socket];
        const called = call(box, ["exec", ...flags, id]);
        const master = await engine.receive();
        const done = await called;
        expect({ args, bun: done.bun, code: done.code }).toEqual({
          args,
          bun: code !== 0 || !HAS_FRONT,
          code,
        });
        if (code === 0) expect(readable(master, 10000)).toBe(true);
        closeSync(master);
        await expect(engine.receive(0)).rejects.toThrow("nothing sent");
        rmSync(socket);
      }
      for (const flags of [
        ["-t", "-d"],
        ["-d", "--console-socket", `${box.dir}/none`],
        ["-td", "--console-socket", `${box.dir}/none`],
      ])
        await left(box, ["exec", ...flags, id, "touch", "/ran"]);
      expect((await box.exec(id, "test -e /ran")).code).toBe(1);
    });
  });
}
