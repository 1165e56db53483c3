/** dist/brun as people get it: one file, run anywhere, in any environment. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { callerEnv, ownedDir } from "./support/caller.ts";
import { makeRootfs } from "./support/rootfs.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { brunPath } from "./support/workspace.ts";

for (const subject of subjects(["brun"])) {
  const { caller } = subject;
  const rootless = caller.name === "user";

  /** Runs brun without the flags of the harness. */
  const plain = (args: readonly string[], cwd: string, env: Record<string, string>) => {
    const { exitCode, stdout, stderr } = Bun.spawnSync([...caller.prefix, brunPath(), ...args], { cwd, env });
    return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  };

  describe(subject.label, () => {
    test("needs no loader beside libc's, no node, no bun and no checkout", async () => {
      await using box = new Sandbox(subject);
      const argv = [...caller.prefix, "env", "-i", "PATH=/nowhere", brunPath(), "--version"];
      const { exitCode, stdout, stderr } = Bun.spawnSync(argv, { cwd: box.dir });
      expect(stderr.toString()).toBe("");
      expect(exitCode).toBe(0);
      expect(stdout.toString()).toMatch(/^brun version \d+\.\d+\.\d+\n/);
    });

    test("spec, a root filesystem and run: the quick start of the README", async () => {
      await using box = new Sandbox(subject);
      const dir = ownedDir(caller, `${box.dir}/quick`);
      const env = callerEnv(caller, `${box.dir}/run`);
      makeRootfs(`${dir}/rootfs`, caller);
      expect(plain(["spec", ...(rootless ? ["--rootless"] : [])], dir, env).code).toBe(0);
      const spec = JSON.parse(readFileSync(`${dir}/config.json`, "utf8"));
      expect(spec.process.args).toEqual(["sh"]);
      expect(plain(["spec"], dir, env).code).toBe(1); // never overwrites
      spec.process.terminal = false;
      spec.process.args = ["echo", "hello"];
      await Bun.write(`${dir}/config.json`, JSON.stringify(spec));
      const id = box.name();
      expect(plain(["run", id], dir, env)).toEqual({ code: 0, stdout: "hello\n", stderr: "" });
      expect(plain(["list", "-q"], dir, env).stdout).not.toContain(id);
    });

    test("what lies in the bundle is not run or read: bunfig.toml, .env, package.json, tsconfig.json, libraries", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sh", "-c", "echo $PLANTED end"];
        spec.process.env.push("PATH=/bin");
      });
      const trap = `require("fs").writeFileSync("${box.dir}/trapped", "x")`;
      const name = bundle.slice(box.dir.length + 1);
      box.file(`${name}/trap.ts`, trap);
      box.file(`${name}/bunfig.toml`, 'preload = ["./trap.ts"]\n');
      box.file(`${name}/.env`, "PLANTED=yes\nBUN_OPTIONS=--preload ./trap.ts\nXDG_RUNTIME_DIR=/nowhere\n");
      box.file(`${name}/package.json`, '{"name": "x", "main": "./trap.ts", "imports": {"#x": "./trap.ts"}}');
      box.file(`${name}/tsconfig.json`, '{"compilerOptions": {"paths": {"*": ["./trap.ts"]}}}');
      for (const library of ["libseccomp.so.2", "libc.so.6", "libsystemd.so.0"])
        box.file(`${name}/${library}`, "");
      const outcome = await box.call(["run", box.name()], { cwd: bundle });
      expect(outcome).toMatchObject({ code: 0, stdout: "end\n", stderr: "" });
      expect(existsSync(`${box.dir}/trapped`)).toBe(false);
    });

    test("nothing is written outside the state directory", async () => {
      await using box = new Sandbox(subject);
      const temporary = ownedDir(caller, `${box.dir}/tmp`);
      const outcome = await box.sh("true", undefined, { env: { TMPDIR: temporary } });
      expect(outcome.code).toBe(0);
      expect(readdirSync(temporary)).toEqual([]);
      expect(readdirSync("/tmp").filter((file) => file.startsWith(".bun-"))).toEqual([]);
    });

    if (rootless) {
      test("without XDG_RUNTIME_DIR the state is in a private directory under /tmp", async () => {
        await using box = new Sandbox(subject);
        const { XDG_RUNTIME_DIR: _, ...env } = callerEnv(caller, "");
        const dir = `/tmp/brun-${caller.uid}`;
        const existed = existsSync(dir);
        const bundle = box.bundle((spec) => {
          spec.process.args = ["/bin/sleep", "1000"];
        });
        const id = box.name();
        const started = Bun.spawnSync(
          [...caller.prefix, brunPath(), "run", "--detach", "--bundle", bundle, id],
          {
            cwd: box.dir,
            env,
            stdio: ["ignore", "ignore", "ignore"],
          },
        );
        expect(started.exitCode).toBe(0);
        expect(statSync(dir)).toMatchObject({ uid: caller.uid });
        expect(statSync(dir).mode & 0o777).toBe(0o700);
        expect(plain(["state", id], "/", env).stdout).toContain('"running"');
        expect(plain(["delete", "--force", id], "/", env).code).toBe(0);
        if (!existed) rmSync(dir, { recursive: true, force: true });
      });

      test("a state directory that belongs to someone else is refused", async () => {
        await using box = new Sandbox(subject);
        const { code, stderr } = plain(
          ["--root", "/proc", "run", "--bundle", box.bundle(), box.name()],
          "/",
          box.env,
        );
        expect(code).toBe(1);
        expect(stderr.trim().split("\n")).toHaveLength(1);
      });
    }
  });
}
