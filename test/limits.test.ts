/** rlimits and oomScoreAdj beyond the caller's own: a user gets its own and is told so, root of the host raises them. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { HAS_FRONT } from "./support/front.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { mapManyIds } from "./support/spec.ts";

const CAP_SYS_RESOURCE = 1n << 24n;
const capabilities = BigInt(`0x${/^CapEff:\t(\w+)$/m.exec(readFileSync("/proc/self/status", "utf8"))![1]}`);

/** What the caller has: soft and hard number of open files. */
const [SOFT, HARD] = [512, 1024];

/** Runs brun with these limits to its end. */
async function limited(box: Sandbox, args: readonly string[]) {
  const argv = ["prlimit", `--nofile=${SOFT}:${HARD}`, "--", ...box.argv(args)];
  const stdin = Bun.file(box.file("empty", ""));
  const child = Bun.spawn(argv, { cwd: box.dir, env: { ...box.env }, stdin, stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = [await child.stdout.text(), await child.stderr.text()];
  return { code: await child.exited, stdout, stderr };
}

const SCRIPT = ["/bin/sh", "-c", "ulimit -Sn; ulimit -Hn"];
const above = [{ type: "RLIMIT_NOFILE", soft: 1500, hard: 2000 }];

for (const subject of subjects(["brun"])) {
  describe(subject.label, () => {
    test("limits within the caller's are set, without a word", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.args = SCRIPT;
        spec.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 700, hard: HARD }];
        spec.process.oomScoreAdj = 900;
      });
      const outcome = await limited(box, ["run", "--bundle", bundle, box.name()]);
      expect(outcome).toEqual({ code: 0, stdout: `700\n${HARD}\n`, stderr: "" });
    });

    // Bun raises it at its start: without a front nobody knows what it was.
    test.if(HAS_FRONT)(
      "the soft limit of open files is the caller's inside and in hooks, whoever starts the stage",
      async () => {
        await using box = new Sandbox(subject);
        const wanted = `${SOFT}\n${HARD}\n`;
        const noting = (kind: string) => ({
          path: "/bin/sh",
          args: ["sh", "-c", `{ ulimit -Sn; ulimit -Hn; } >${box.dir}/${kind}`],
        });
        const bundle = box.bundle((spec) => {
          spec.process.args = SCRIPT;
          spec.process.rlimits = [];
          spec.hooks = { createRuntime: [noting("createRuntime")], poststop: [noting("poststop")] };
        });
        const id = await box.detached((spec) => {
          spec.process.rlimits = [];
        });
        const root = `${bundle}/rootfs`;
        const commands = [
          ["run", "--bundle", bundle, box.name()],
          ["--rootless=auto", "run", "--bundle", bundle, "--preserve-fds", "0", box.name()],
          ["run", "--bundle", bundle, "--preserve-fds=1", box.name()],
          ["run", "--rootfs", root, "--", ...SCRIPT],
          ["unshare", ...SCRIPT],
          ["exec", "--preserve-fds=1", id, ...SCRIPT],
        ];
        for (const args of commands) {
          const argv = ["prlimit", `--nofile=${SOFT}:${HARD}`, "--", ...box.argv(args)];
          const child = Bun.spawn(argv, {
            cwd: box.dir,
            env: { ...box.env },
            stdio: [Bun.file(box.file("empty", "")), "pipe", "pipe", Bun.file("/dev/null")],
          });
          const [stdout, stderr] = [await child.stdout.text(), await child.stderr.text()];
          if (args[0] === "unshare" && subject.caller.uid === 0 && (await child.exited) !== 0) continue;
          expect(`${args.join(" ")}: ${stdout}${stderr}`).toBe(`${args.join(" ")}: ${wanted}`);
        }
        for (const kind of ["createRuntime", "poststop"]) {
          expect(`${kind} ${readFileSync(`${box.dir}/${kind}`, "utf8")}`).toBe(`${kind} ${wanted}`);
        }
      },
    );

    if (subject.caller.name === "user") {
      test("an oom_score_adj that the caller has raised by itself may be lowered again", async () => {
        await using box = new Sandbox(subject);
        const bundle = box.bundle((spec) => {
          spec.process.args = ["/bin/cat", "/proc/self/oom_score_adj"];
          spec.process.oomScoreAdj = 300;
        });
        const raised = ["sh", "-c", 'echo 500 >/proc/self/oom_score_adj; exec "$@"', "sh"];
        const outcome = await box.call(["run", "--bundle", bundle, box.name()], { under: raised });
        expect(outcome).toMatchObject({ code: 0, stdout: "300\n", stderr: "" });
      });

      test("run: limits above the caller's become its own, with a warning", async () => {
        await using box = new Sandbox(subject);
        const bundle = box.bundle((spec) => {
          spec.process.args = ["/bin/sh", "-c", "ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj"];
          spec.process.rlimits = above;
          spec.process.oomScoreAdj = -999;
        });
        const own = readFileSync("/proc/self/oom_score_adj", "utf8").trim();
        const log = box.file("log", "");
        const warnings = [
          `process.oomScoreAdj: -999 becomes ${own}: only root may lower it`,
          "process.rlimits[0]: RLIMIT_NOFILE 1500:2000 becomes 1024:1024: only root may raise a hard limit",
        ];
        const stdout = `1024\n1024\n${own}\n`;
        const outcome = await limited(box, ["run", "--bundle", bundle, box.name()]);
        const stderr = warnings.map((line) => `brun: warning: ${line}\n`).join("");
        expect(outcome).toEqual({ code: 0, stdout, stderr });
        // The flags of the log come before the command.
        const argv = ["--log", log, "--log-format", "json", "run", "--bundle", bundle, box.name()];
        expect(await limited(box, argv)).toEqual({ code: 0, stdout, stderr: "" });
        const lines = readFileSync(log, "utf8").trimEnd().split("\n");
        expect(lines.map((line) => JSON.parse(line))).toMatchObject(
          warnings.map((msg) => ({ level: "warning", msg })),
        );
      });
    }

    test("exec by someone with less than the container was made with", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached((spec) => {
        spec.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 1500, hard: 2000 }];
        mapManyIds(spec, subject.caller);
      });
      const outcome = await limited(box, ["exec", id, ...SCRIPT]);
      const why = "RLIMIT_NOFILE 1500:2000 becomes 1024:1024: only root may raise a hard limit";
      if (subject.caller.name === "user") {
        const stderr = `brun: warning: process.rlimits[0]: ${why}\n`;
        expect(outcome).toEqual({ code: 0, stdout: "1024\n1024\n", stderr });
      } else if ((capabilities & CAP_SYS_RESOURCE) !== 0n) {
        expect(outcome).toEqual({ code: 0, stdout: "1500\n2000\n", stderr: "" });
      } else {
        expect(outcome.code).toBe(255);
        expect(outcome.stderr).toMatch(
          /^brun: process\.rlimits: cannot raise RLIMIT_NOFILE .*CAP_SYS_RESOURCE\n$/,
        );
      }
    });

    if (subject.caller.name === "root") {
      for (const userNamespace of [false, true]) {
        test(`run: root raises limits ${userNamespace ? "in a" : "without a"} user namespace`, async () => {
          await using box = new Sandbox(subject);
          const bundle = box.bundle((spec) => {
            spec.process.args = SCRIPT;
            spec.process.rlimits = above;
            if (userNamespace) mapManyIds(spec, subject.caller);
          });
          const outcome = await limited(box, ["run", "--bundle", bundle, box.name()]);
          if ((capabilities & CAP_SYS_RESOURCE) !== 0n) {
            expect(outcome).toEqual({ code: 0, stdout: "1500\n2000\n", stderr: "" });
          } else {
            expect(outcome.code).toBe(1);
            expect(outcome.stderr).toMatch(/^brun: process\.rlimits.* RLIMIT_NOFILE .*CAP_SYS_RESOURCE\n$/);
          }
        });
      }
    }
  });
}
