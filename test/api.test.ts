/** The TypeScript API, used by programs of each caller in Bun and in Node; the examples are such programs, too. */
import { describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { type Engine, expectScenario, runProgram } from "./api/programs.ts";
import { ownedDir } from "./support/caller.ts";
import { ownNode } from "./support/node.ts";
import { makeRootfs } from "./support/rootfs.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { brunPath, workspace } from "./support/workspace.ts";

const ROOT = `${import.meta.dir}/..`;
const node = Bun.which("node") !== null;
const engines: readonly (readonly [string, boolean, () => Engine])[] = [
  ["Bun", true, () => "bun"],
  ["the machine's Node", node, () => ({ node: ownNode()! })],
];

/** Waits until something is so, for some seconds. */
async function eventually(what: () => boolean): Promise<boolean> {
  for (let i = 0; i < 250 && !what(); i++) await Bun.sleep(20);
  return what();
}

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  function program(box: Sandbox, path: string, args: readonly string[], stdin = "") {
    return runProgram("bun", caller, box, path, args, stdin);
  }

  describe(subject.label, () => {
    for (const [name, there, engine] of engines) {
      test.if(there)(`everything that the API has, in ${name}`, async () => {
        await using box = new Sandbox(subject);
        const rootfs = makeRootfs(`${box.dir}/rootfs`, caller);
        const args = [brunPath(), box.state, rootfs];
        const { code, stdout, stderr } = await runProgram(
          engine(),
          caller,
          box,
          "test/api/scenario.ts",
          args,
        );
        expect(stderr).not.toContain("error: ");
        expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
        expectScenario(JSON.parse(stdout), rootfs);
      });

      for (const how of ["exit", "kill", "throw", "terminate", "making"]) {
        test.if(there)(`containers end with their program in ${name}: ${how}`, async () => {
          await using box = new Sandbox(subject);
          const rootfs = makeRootfs(`${box.dir}/rootfs`, caller);
          const args = [how, brunPath(), box.state, rootfs];
          const { stdout, code } = await runProgram(engine(), caller, box, "test/api/ends.ts", args);
          expect([how, code]).toEqual([how, ENDS[how]!]);
          const pids: number[] = JSON.parse(stdout);
          const stays = pids.pop();
          const gone = () => pids.every((pid) => !existsSync(`/proc/${pid}`));
          expect(await eventually(gone)).toBe(true);
          const left = () => readdirSync(box.state).filter((id) => id !== "stays" && !id.startsWith("@"));
          expect(await eventually(() => left().length === 0)).toBe(true);
          if (stays === undefined) return;
          expect(existsSync(`/proc/${stays}`)).toBe(true);
          await box.ok(["delete", "--force", "stays"]);
        });
      }
    }

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
      const withoutCgroup = caller.name === "root" ? [] : ["--without-cgroup"];
      const outcome = async (script: string, ...flags: string[]) =>
        JSON.parse(
          (
            await program(
              box,
              "examples/api/untrusted.ts",
              [rootfs, ...flags, ...withoutCgroup, "--", "sh", "-c", script],
              "in",
            )
          ).stdout,
        );
      expect(await outcome("cat; exit 3")).toEqual({ status: "done", exitCode: 3, output: "in" });
      expect(await outcome("while :; do :; done", "--seconds", "1")).toMatchObject({ status: "timeout" });
      expect((await outcome("yes")).status).toBe("too much output");
      expect(
        (await outcome("id -u; grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status; ls /sys/class/net"))
          .output,
      ).toMatch(/^65534\nCapEff:\s0+\nNoNewPrivs:\s1\nSeccomp:\s2\nlo\n$/);
      expect((await outcome("unshare -U true 2>&1 || echo refused")).output).toMatch(/refused\n$/);
      expect((await outcome("touch /file 2>&1 || echo refused")).output).toMatch(/refused\n$/);
      const greedy = await outcome("dd if=/dev/zero of=/dev/null bs=400M count=1 2>&1 || echo refused");
      expect(greedy.output === "" || greedy.output.endsWith("refused\n")).toBe(true);
    });
  });
}

/** Exit codes of test/api/ends.ts; 128 and a signal. */
const ENDS: Readonly<Record<string, number>> = { exit: 3, kill: 137, throw: 1, terminate: 143, making: 137 };

test("the declarations are Node's too, and what they allow and refuse is the same there", () => {
  const dir = `${workspace()}/node-types`;
  const modules = `${ROOT}/node_modules`;
  mkdirSync(`${dir}/node_modules/@types`, { recursive: true });
  for (const name of ["@types/node", "undici-types", "valibot"]) {
    symlinkSync(`${modules}/${name}`, `${dir}/node_modules/${name}`);
  }
  const tsc = (...args: string[]) => Bun.spawnSync([`${modules}/.bin/tsc`, ...args]).stdout.toString();
  expect(tsc("-p", `${ROOT}/tsconfig.package.json`, "--outDir", `${dir}/types`)).toBe("");
  copyFileSync(`${ROOT}/test/api/types.ts`, `${dir}/types.ts`);
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    module: "NodeNext",
    target: "ES2022",
    lib: ["ES2022", "ESNext.Disposable"],
    types: ["node"],
    noEmit: true,
    skipLibCheck: false,
    paths: { brun: ["./types/src/index.d.ts"] },
  };
  writeFileSync(`${dir}/package.json`, JSON.stringify({ type: "module" }));
  writeFileSync(`${dir}/tsconfig.json`, JSON.stringify({ compilerOptions, files: ["types.ts"] }));
  expect(tsc("-p", dir)).toBe("");
});

test("the package's file has nothing of Bun but where it asks for it first", async () => {
  const made = await Bun.build({ entrypoints: [`${ROOT}/src/index.ts`], target: "node" });
  const code = await made.outputs[0]!.text();
  expect(code).not.toContain("bun:");
  expect(code.match(/\bimport\b[^;]*?from "(?!node:)[^"]*"/g)).toBeNull();
  // Streams on pipes (src/api/streams.ts).
  expect(code.match(/\bBun\.\w+/g)).toEqual(["Bun.file", "Bun.file"]);
});

test("docs/api.md is what the docstrings say", () => {
  const { exitCode, stderr } = Bun.spawnSync([process.execPath, "scripts/api-docs.ts", "--check"], {
    cwd: ROOT,
  });
  expect([exitCode, stderr.toString()]).toEqual([0, ""]);
});
