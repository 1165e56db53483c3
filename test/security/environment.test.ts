/**
 * What is around brun itself: its environment, the directories it looks into. The caller may do to brun whatever
 * the caller likes, and nobody else may; test/single-file.test.ts has what a bundle can bring.
 */
import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync } from "node:fs";
import { callerEnv, isRoot, ownedDir } from "../support/caller.ts";
import { until } from "../support/processes.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { mapManyIds } from "../support/spec.ts";
import { brunPath } from "../support/workspace.ts";

const INSPECTORS = ["BUN_INSPECT", "BUN_INSPECT_NOTIFY", "BUN_INSPECT_CONNECT_TO", "BUN_INSPECT_PRELOAD"];

for (const subject of subjects(["brun"])) {
  const { caller } = subject;
  const rootless = caller.name === "user";

  describe(subject.label, () => {
    test("a config's environment is the container's alone: neither brun nor hooks have it", async () => {
      await using box = new Sandbox(subject);
      const trap = box.file("trap.js", `require("fs").writeFileSync("${box.dir}/trapped", "x")`);
      const seen = box.file("seen", "");
      const outcome = await box.sh("echo $BUN_OPTIONS $LD_PRELOAD", (spec) => {
        spec.process.env.push(`BUN_OPTIONS=--preload=${trap}`, "BUN_BE_BUN=1", "LD_PRELOAD=/evil.so");
        spec.process.env.push("NODE_OPTIONS=-r /evil.js", ...INSPECTORS.map((name) => `${name}=${trap}`));
        const hook = { path: "/bin/sh", args: ["sh", "-c", `env >>${seen}`] };
        spec.hooks = { createRuntime: [hook], createContainer: [hook], poststart: [hook], poststop: [hook] };
      });
      expect(outcome).toMatchObject({ code: 0, stdout: `--preload=${trap} /evil.so\n` });
      expect(existsSync(`${box.dir}/trapped`)).toBe(false);
      expect(await Bun.file(seen).text()).not.toMatch(/BUN_|LD_PRELOAD|NODE_OPTIONS/);
    });

    test("the caller's environment reaches neither the container, nor hooks, nor what waits", async () => {
      await using box = new Sandbox(subject);
      const secret = "TOKEN_OF_THE_CALLER";
      const seen = box.file("seen", "");
      const id = box.name();
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sleep", "1000"];
        const hook = { path: "/bin/sh", args: ["sh", "-c", `env >>${seen}`] };
        spec.hooks = { createRuntime: [hook], createContainer: [hook], poststart: [hook] };
      });
      const env = { [secret]: "1" };
      const environ = async (pid: number): Promise<string> => await Bun.file(`/proc/${pid}/environ`).text();
      await box.ok(["create", "--bundle", bundle, id], { env });
      const { pid } = await box.inspect(id);
      expect(await environ(pid)).not.toContain(secret);
      await box.ok(["start", id], { env });
      expect(await environ(pid)).not.toContain(secret);
      const foreground = box.spawn(["exec", id, "/bin/sh", "-c", "env; exec sleep 1000"], { env });
      await until("its environment", () => foreground.stdout().includes("PATH="));
      expect(`${foreground.stdout()}${await Bun.file(seen).text()}`).not.toContain(secret);
    });

    test("BUN_OPTIONS and BUN_BE_BUN of the caller act with the caller's rights: brun is never setuid", async () => {
      await using box = new Sandbox(subject);
      const trap = box.file("trap.js", "process.stdout.write('trapped ')");
      const preload = await box.call(["--version"], { env: { BUN_OPTIONS: `--preload=${trap}` } });
      expect(preload.stdout).toMatch(/^(trapped )?brun version|^$/);
      const asBun = await box.call(["--version"], { env: { BUN_BE_BUN: "1" } });
      expect(`${asBun.stdout}${asBun.stderr}`).not.toBe("");
      expect(statSync(brunPath()).mode & 0o6000).toBe(0);
    });

    test("TMPDIR, HOME and the current directory are not written to, whoever may write there", async () => {
      await using box = new Sandbox(subject);
      const open = ownedDir(caller, `${box.dir}/open`, 0o777);
      const env = { TMPDIR: open, TMP: open, BUN_TMPDIR: open, HOME: open };
      expect(await box.sh("echo ran", undefined, { env, cwd: open })).toMatchObject({
        code: 0,
        stdout: "ran\n",
      });
      expect(readdirSync(open)).toEqual([]);
    });

    if (!rootless) return;

    test("a newuidmap that comes first on PATH is not run", async () => {
      await using box = new Sandbox(subject);
      const bin = ownedDir(caller, `${box.dir}/bin`);
      const fake = `#!/bin/sh\ntouch ${box.dir}/trapped\nexec /usr/bin/\${0##*/} "$@"\n`;
      for (const name of ["newuidmap", "newgidmap", "sh", "mount"]) box.file(`bin/${name}`, fake, 0o755);
      const bundle = box.bundle((spec) => mapManyIds(spec, caller));
      for (const path of [`${bin}:/usr/bin:/bin`, ".:/usr/bin"]) {
        const options = { env: { PATH: path }, cwd: bin };
        const outcome = await box.call(["run", "--bundle", bundle, box.name()], options);
        expect(outcome).toMatchObject({ code: 0, stderr: "" });
        expect(existsSync(`${box.dir}/trapped`)).toBe(false);
      }
    });

    test("a runtime directory that someone else has prepared is refused", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle();
      const elsewhere = ownedDir(caller, `${box.dir}/elsewhere`, 0o700);
      const prepared: ((path: string) => unknown)[] = [
        (path) => symlinkSync(elsewhere, path),
        (path) => ownedDir(caller, path, 0o777),
        (path) => Bun.spawnSync(["mkfifo", path]),
      ];
      // Root stands for the other user.
      if (isRoot) prepared.push((path) => mkdirSync(path));
      for (const [i, prepare] of prepared.entries()) {
        const runtimeDir = ownedDir(caller, `${box.dir}/runtime-${i}`, 0o777);
        prepare(`${runtimeDir}/brun`);
        if (i === 3) chmodSync(`${runtimeDir}/brun`, 0o777);
        const argv = [...caller.prefix, brunPath(), "run", "--bundle", bundle, box.name()];
        const { exitCode, stderr } = Bun.spawnSync(argv, {
          env: callerEnv(caller, runtimeDir),
          cwd: box.dir,
        });
        expect(`${exitCode} ${stderr}`).toMatch(/^1 brun: cannot keep state in .*\n$/);
        expect(readdirSync(elsewhere)).toEqual([]);
      }
    });
  });
}
