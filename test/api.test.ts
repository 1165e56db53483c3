/** The TypeScript API, used by programs of each caller; the examples are such programs, too. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { ownedDir } from "./support/caller.ts";
import { makeRootfs } from "./support/rootfs.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { brunPath, workspace } from "./support/workspace.ts";

const ROOT = `${import.meta.dir}/..`;

/** The program as one file beside a copy of brun, which is where the API looks for it. */
async function bundled(path: string): Promise<string> {
  const outdir = `${workspace()}/api`;
  const out = `${outdir}/${path.replace(/.*\//, "").replace(/ts$/, "js")}`;
  if (existsSync(out)) return out;
  const { success, logs } = await Bun.build({ entrypoints: [`${ROOT}/${path}`], target: "bun", outdir });
  if (!success) throw new AggregateError(logs);
  return out;
}

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  /** Runs a program in Bun as the caller. brun is Bun, too, which spares looking for one that the caller can read. */
  async function program(box: Sandbox, path: string, args: readonly string[], stdin = "") {
    const file = await bundled(path);
    const child = Bun.spawn([...caller.prefix, brunPath(), file, ...args], {
      cwd: box.dir,
      env: { ...box.env, BUN_BE_BUN: "1", PATH: `${workspace()}:${box.env.PATH}` },
      stdio: [new Blob([stdin]), "pipe", "pipe"],
      timeout: 50000,
    });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return { code: await child.exited, stdout, stderr };
  }

  describe(subject.label, () => {
    test("everything that the API has", async () => {
      await using box = new Sandbox(subject);
      const rootfs = makeRootfs(`${box.dir}/rootfs`, caller);
      const { code, stdout, stderr } = await program(box, "test/api/scenario.ts", [
        brunPath(),
        box.state,
        rootfs,
      ]);
      expect(stderr).not.toContain("error: ");
      expect(code).toBe(0);
      const seen = JSON.parse(stdout);
      // 0, 1, 2 and that of ls: nothing of brun or of the program.
      expect(seen.output).toEqual({ exitCode: 3, stdout: "input\nopened\n4\n", stderr: "error\n" });
      expect(seen.bigInput.trim()).toBe("1000000");
      expect(seen.piped).toEqual({ exitCode: 0, stdout: "one\ntwo\n", stderr: "" });
      expect([seen.unread, seen.deaf]).toEqual([0, 0]);
      expect(seen.statuses).toEqual(["created", "running", "stopped"]);
      expect(seen.listed).toEqual(["made"]);
      expect(seen.exec).toEqual({ exitCode: 4, stdout: "b /tmp\n", stderr: "" });
      expect([seen.exit, seen.execKilled, seen.execSignalled]).toEqual([9, 137, 7]);
      expect(seen.processes).toBe(true);
      const failure = (code: string, message: string, path?: string) => ({
        name: "BrunError",
        code,
        message: expect.stringContaining(message),
        ...(path === undefined ? {} : { path }),
      });
      expect(seen.execMissing).toMatchObject(failure("ENOENT", "executable file not found in $PATH"));
      expect(seen.startAgain).toMatchObject(
        failure("ERR_STATE", "cannot start a container that has stopped"),
      );
      expect(seen.notFound).toMatchObject(failure("ERR_NOT_FOUND", "does not exist"));
      expect(seen.badId).toMatchObject(failure("ERR_ID", "invalid container ID format"));
      expect(seen.missing).toMatchObject(failure("ENOENT", "not found in $PATH", "process.args[0]"));
      expect(seen.badSpec).toMatchObject(
        failure("ERR_CONFIG", 'expected a list but found "sh"', "process.args"),
      );
      expect(seen.noBundle).toMatchObject(failure("ENOENT", "no such file", "/nowhere/config.json"));
      expect(seen.noBundle.hint).toContain("--bundle");
      expect(seen.noBrun).toContain("ENOENT");
      expect(seen.hook).toMatchObject(failure("ERR_HOOK", "exited with status 5", "hooks.createRuntime[0]"));
      expect(seen.exists).toMatchObject(failure("ERR_EXISTS", "already exists"));
      for (const late of [seen.timeout, seen.abortWhileMade, seen.execAborted]) {
        expect(late).toStartWith("TimeoutError");
      }
      expect(seen.abortedBefore).toBe("no");
      expect(seen.responsive).toBe(true);
      expect(seen.explain).toEqual([rootfs, true, ["sh"]]);
      expect([seen.doctor, seen.features]).toEqual([true, "1.3.0"]);
      // Nothing is left in the state directory or of the program itself, and its signals are its own.
      expect([seen.left, seen.children, seen.descriptors]).toEqual([[], [], 0]);
      expect(seen.untouched).toEqual([0, true]);
    });

    test("examples/api/test-harness.ts", async () => {
      await using box = new Sandbox(subject);
      const rootfs = makeRootfs(`${box.dir}/rootfs`, caller);
      const { code, stdout } = await program(box, "examples/api/test-harness.ts", [rootfs]);
      expect(stdout.trim().split("\n")).toEqual([
        "ok    writes a file",
        "ok    does not see the file of the first",
        "ok    leaves a process running",
        "ok    cannot change the root filesystem",
      ]);
      expect(code).toBe(0);
    });

    test("examples/api/ci-runner.ts", async () => {
      await using box = new Sandbox(subject);
      const rootfs = makeRootfs(`${box.dir}/rootfs`, caller);
      const work = ownedDir(caller, `${box.dir}/work`);
      const job = {
        env: { WHO: "ci" },
        steps: [
          { name: "build", run: "echo made by $WHO > result; echo built" },
          { name: "test", run: "cat result; sleep 100", timeoutSeconds: 2 },
          { name: "deploy", run: "echo never" },
        ],
      };
      const { code, stdout } = await program(box, "examples/api/ci-runner.ts", [
        rootfs,
        work,
        box.file("job.json", JSON.stringify(job)),
      ]);
      expect(stdout).toMatch(/^build \| built\nbuild : exit code 0, [\d.]+ s\ntest \| made by ci\n/);
      expect(stdout).toContain("test : takes longer than 2 s\n");
      expect(stdout).not.toContain("never");
      expect(code).toBe(124);
      expect(readdirSync(work)).toEqual(["result"]);
    });

    test("examples/api/untrusted.ts", async () => {
      await using box = new Sandbox(subject);
      const rootfs = makeRootfs(`${box.dir}/rootfs`, caller);
      const outcome = async (script: string, ...flags: string[]) =>
        JSON.parse(
          (
            await program(
              box,
              "examples/api/untrusted.ts",
              [rootfs, ...flags, "--", "sh", "-c", script],
              "in",
            )
          ).stdout,
        );
      expect(await outcome("cat; exit 3")).toEqual({ status: "done", exitCode: 3, output: "in" });
      expect(await outcome("while :; do :; done", "--seconds", "1")).toMatchObject({ status: "timeout" });
      expect((await outcome("yes")).status).toBe("too much output");
      expect(
        (await outcome("grep CapEff /proc/self/status; unshare -U true 2>&1 || echo refused")).output,
      ).toMatch(/^CapEff:\s0+\n.*refused\n$/s);
    });
  });
}

test("under Node the package says that it needs Bun", () => {
  const { exitCode, stderr } = Bun.spawnSync(["node", "--input-type=module", "-e", 'import "brun"'], {
    cwd: ROOT,
    stderr: "pipe",
  });
  expect(exitCode).not.toBe(0);
  expect(stderr.toString()).toContain("brun needs Bun");
});

test("docs/api.md is what the docstrings say", () => {
  const { exitCode, stderr } = Bun.spawnSync([process.execPath, "scripts/api-docs.ts", "--check"], {
    cwd: ROOT,
  });
  expect([exitCode, stderr.toString()]).toEqual([0, ""]);
});
