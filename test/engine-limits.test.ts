/**
 * What Bun needs of the machine, and brun without it: an engine without a JIT, little memory, a current directory that
 * is gone, places of the system that are not mounted. It works, or says why not in one line.
 */
import { describe, expect, test } from "bun:test";
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { type Caller, isRoot, ownedDir } from "./support/caller.ts";
import { compiled } from "./support/compiled.ts";
import { HAS_FRONT } from "./support/front.ts";
import { subjects } from "./support/runtime.ts";
import { type CallOptions, Sandbox } from "./support/sandbox.ts";
import { brunPath } from "./support/workspace.ts";

const limited = (limit: string): string[] => ["sh", "-c", `ulimit ${limit} && exec "$@"`, "sh"];
/** Becomes brun, which is below /tmp itself, as the caller. */
const covered = (path: string, { prefix }: Caller): string[] => [
  ...["unshare", "--mount", "sh", "-c", `exec 9<"$0" && mount -t tmpfs none ${path} && exec "$@"`],
  ...[brunPath(), ...prefix, "/proc/self/fd/9"],
];

/** One line of brun's own. */
const LINE = /^brun: [^\n]*\n$/;

for (const subject of subjects(["brun"])) {
  describe(subject.label, () => {
    const { caller } = subject;
    const noJit = compiled(`${import.meta.dir}/fields/no-jit.c`);
    const engines: Record<string, CallOptions> = {
      "an address space of 1 GB": { under: limited("-v 1000000") },
      "little address space": { under: limited("-v 470000") },
      "little data": { under: limited("-d 320000") },
      PR_SET_MDWE: { under: [noJit, "mdwe"] },
      "a filter as of MemoryDenyWriteExecute": { under: [noJit, "filter"] },
      BUN_JSC_useJIT: { env: { BUN_JSC_useJIT: "0" } },
    };

    for (const [what, options] of Object.entries(engines)) {
      test.if(HAS_FRONT)(`${what}: containers are run as ever`, async () => {
        await using box = new Sandbox(subject);
        const edit =
          (args: string[]) => (spec: { process: { args: string[] }; linux: { seccomp?: object } }) => {
            spec.process.args = args;
            const syscalls = [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" }];
            // By libseccomp, whose functions are called in the same way.
            spec.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls };
          };
        const bundle = box.bundle(edit(["/bin/sh", "-c", "mkdir /x || echo refused"]));
        const call = (...args: string[]) => box.call(args, options);
        // The second one is by a cached plan.
        for (let i = 0; i < 2; i++) {
          const { code, stdout } = await call("run", "--bundle", bundle, box.name());
          expect({ code, stdout }).toEqual({ code: 0, stdout: "refused\n" });
        }
        const id = box.name();
        const long = box.bundle(edit(["/bin/sleep", "1000"]));
        expect(await call("create", "--bundle", long, id)).toMatchObject({ code: 0, stderr: "" });
        expect(await call("start", id)).toMatchObject({ code: 0, stderr: "" });
        expect(await call("exec", id, "echo", "in")).toMatchObject({ code: 0, stdout: "in\n" });
        expect(await call("exec", "--env", "A=b", id, "sh", "-c", "echo $A; exit 3")).toMatchObject({
          code: 3,
          stdout: "b\n",
        });
        expect((await call("list", "--quiet")).stdout).toContain(id);
        expect(await call("ps", id)).toMatchObject({ code: 0, stderr: "" });
        expect((await call("doctor")).stdout).toMatch(/seccomp/);
        expect(await call("delete", "--force", id)).toMatchObject({ code: 0, stderr: "" });
        await box.untilGone(id);
      });
    }

    test.if(HAS_FRONT)(
      "descriptors that are handed on have the numbers that they have without limits",
      async () => {
        await using box = new Sandbox(subject);
        const bundle = box.bundle((spec) => {
          spec.process.args = [
            "/bin/sh",
            "-c",
            "ls -l /proc/self/fd 2>/dev/null | grep -c -e memfd -e handed",
          ];
        });
        const file = openSync(box.file("handed", ""), "r");
        for (const flags of [[], ["--preserve-fds", "2"]]) {
          const { stdout, stderr } = await box.call(["run", ...flags, "--bundle", bundle, box.name()], {
            under: limited("-v 1000000"),
            ...(flags.length > 0 && { fds: [file, file] }),
          });
          expect({ stdout, stderr }).toEqual({ stdout: `${flags.length}\n`, stderr: "" });
        }
        closeSync(file);
      },
    );

    test.if(HAS_FRONT)("too few threads: a line that names the limit, where Bun would abort", async () => {
      await using box = new Sandbox(subject);
      // After the change of user: the kernel executes nothing for a user who is over the limit by then.
      const { code, stderr } = await box.call(["features"], { around: ["prlimit", "--nproc=1"] });
      // Root has no such limit.
      if (caller.uid === 0) expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      else expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(LINE) });
      if (caller.uid !== 0)
        expect(stderr).toContain("may have 1 processes and threads (RLIMIT_NPROC, ulimit -u)");
    });

    const tooLittle = {
      "address space": [limited("-v 300000"), /RLIMIT_AS, ulimit -v\) is limited to 300000 KiB/],
      data: [limited("-d 100000"), /RLIMIT_DATA, ulimit -d\) is limited to 100000 KiB/],
      stack: [limited("-s 100"), /RLIMIT_STACK, ulimit -s\) is limited to 100 KiB/],
    } as const;
    for (const [what, [under, line]] of Object.entries(tooLittle)) {
      test.if(HAS_FRONT)(
        `too little ${what}: a line that names the limit, and what the front does goes on`,
        async () => {
          await using box = new Sandbox(subject);
          const log = `${box.dir}/log`;
          const call = (args: string[], globals: string[] = []) => box.call(args, { under, globals });
          const refused = await call(["list"], ["--log", log, "--log-format", "json"]);
          expect(refused).toMatchObject({ code: 1, signal: null, stdout: "" });
          expect(refused.stderr).toMatch(LINE);
          expect(refused.stderr).toMatch(line);
          const { level, msg, time } = JSON.parse(readFileSync(log, "utf8"));
          expect({ level, msg }).toEqual({ level: "error", msg: refused.stderr.slice("brun: ".length, -1) });
          expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(60_000);
          expect(await call(["exec", "--env", "A=b", "x", "y"])).toMatchObject({ code: 255 });
          const text = await call(["list"], [`--log=${log}.text`]);
          expect(text.stderr).toBe(refused.stderr);
          expect(readFileSync(`${log}.text`, "utf8")).toMatch(
            /^time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ" level=error msg="[^"]*"\n$/,
          );

          const id = box.name();
          const bundle = box.bundle((spec) => {
            spec.process.args = ["/bin/sleep", "1000"];
          });
          // What is done to a container in cgroups of v1 is not written down for the front.
          await box.ok(["create", "--bundle", bundle, id], { globals: ["--cgroup-manager", "disabled"] });
          expect(await call(["start", id])).toMatchObject({ code: 0, stderr: "" });
          expect(JSON.parse((await call(["state", id])).stdout)).toMatchObject({ id, status: "running" });
          expect(await call(["exec", id, "echo", "in"])).toMatchObject({ code: 0, stdout: "in\n" });
          expect(await call(["kill", id, "KILL"])).toMatchObject({ code: 0, stderr: "" });
          await box.untilStatus(id, "stopped");
          expect(await call(["delete", id])).toMatchObject({ code: 0, stderr: "" });
        },
      );
    }

    test.if(isRoot && HAS_FRONT)("without /proc: a line that says so", async () => {
      await using box = new Sandbox(subject);
      const hide = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"];
      const { code, stdout, stderr } = await box.call(["list"], { under: hide });
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toMatch(
        /^brun: \/proc\/self\/maps cannot be read, and brun needs \/proc; hint: mount it[^\n]*\n$/,
      );
      // Nor is a container taken for one that has ended.
      const id = box.name();
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sleep", "1000"];
      });
      await box.ok(["create", "--bundle", bundle, id], { globals: ["--cgroup-manager", "disabled"] });
      await box.ok(["start", id]);
      await box.ok(["list"]);
      for (const args of [["state", id], ["list"], ["delete", id], ["delete", "--force", id]])
        expect(await box.call(args, { under: hide })).toMatchObject({ code: 1, stdout: "", stderr });
      expect((await box.inspect(id)).status).toBe("running");
    });

    for (const path of ["/sys", "/dev", "/tmp"]) {
      test.skipIf(!isRoot)(`without ${path}: it works, or one line says why not`, async () => {
        await using box = new Sandbox(subject);
        const argv = covered(path, caller);
        const call = (...args: string[]) => {
          const env = { ...box.env, XDG_RUNTIME_DIR: "/nowhere", HOME: "/nowhere" };
          const child = Bun.spawnSync([...argv, ...args], { cwd: "/", env, stdin: "ignore" });
          return { code: child.exitCode, stdout: child.stdout.toString(), stderr: child.stderr.toString() };
        };
        expect(call("--version")).toMatchObject({ code: 0, stderr: "" });
        expect(call("spec", "--bundle", "/nowhere").stderr).toMatch(LINE);
        const run = call("run", "--host", "--", "echo", "ran");
        if (run.code === 0) expect(run.stdout).toBe("ran\n");
        else expect(run.stderr.split("\n").filter((text) => !text.startsWith("brun: "))).toEqual([""]);
      });
    }

    const nameless: Record<string, [make: (dir: string) => string[], why: RegExp]> = {
      removed: [
        (dir) => {
          mkdirSync(dir);
          chmodSync(dir, 0o777);
          return ["sh", "-c", `cd ${dir} && rmdir ${dir} && exec "$@"`, "sh"];
        },
        /current directory, which has been removed/,
      ],
      "of too long a path": [
        (dir) => {
          mkdirSync(dir);
          chmodSync(dir, 0o777);
          const enter = 'mkdir -p "$0" && exec env -C "$0" "$@"';
          return [
            "env",
            "-C",
            dir,
            ...Array(17)
              .fill(["sh", "-c", enter, "x".repeat(250)])
              .flat(),
          ];
        },
        /current directory, which has a path that is too long/,
      ],
    };
    for (const [what, [make, why]] of Object.entries(nameless)) {
      test.if(HAS_FRONT)(`a current directory that is ${what}`, async () => {
        await using box = new Sandbox(subject);
        const bundle = box.bundle((spec) => {
          spec.process.args = ["/bin/sleep", "1000"];
        });
        let count = 0;
        const call = (args: string[], globals: string[] = []) => {
          count += 1;
          const under = make(`${box.dir}/cwd-${count}`);
          return box.call(args, { under, globals });
        };
        const id = box.name();
        expect(await call(["run", "--detach", "--bundle", bundle, id])).toMatchObject({
          code: 0,
          stderr: "",
        });
        expect((await call(["list", "--quiet"])).stdout).toBe(`${id}\n`);
        // With flags it is Bun that does it.
        expect(await call(["exec", "--env", "A=b", id, "sh", "-c", "pwd"])).toMatchObject({
          code: 0,
          stdout: "/\n",
        });
        expect(await call(["delete", "--force", id], ["--rootless=auto"])).toMatchObject({
          code: 0,
          stderr: "",
        });

        const log = `${box.dir}/log`;
        const refused = await call(["run", box.name()], ["--log", log]);
        expect(refused).toMatchObject({ code: 1, stdout: "" });
        expect(refused.stderr).toMatch(LINE);
        expect(refused.stderr).toMatch(why);
        expect(readFileSync(log, "utf8")).toMatch(why);
        const pid = await call(["run", "--detach", "--bundle", bundle, "--pid-file", "x.pid", box.name()]);
        expect(pid).toMatchObject({ code: 1, stdout: "" });
        expect(pid.stderr).toMatch(why);
        expect(existsSync("/x.pid")).toBe(false);
        await box.untilGone();
      });
    }

    if (caller.uid !== 0) {
      const unusable: Record<string, (dir: string) => string> = {
        missing: (dir) => `${dir}/nowhere`,
        "not writable": (dir) => {
          mkdirSync(`${dir}/closed`, { mode: 0o555 });
          return isRoot ? `${dir}/closed` : "/sys";
        },
        "a file": () => "/etc/passwd",
        "out of reach": () => "/root/run",
      };
      for (const [what, make] of Object.entries(unusable)) {
        test(`a runtime directory that is ${what}: state is where it is without one`, async () => {
          await using box = new Sandbox(subject);
          const other = `/tmp/brun-${caller.uid}`;
          const was = existsSync(other);
          const id = box.name();
          const bundle = box.bundle((spec) => {
            spec.process.args = ["/bin/sleep", "1000"];
          });
          const env = { ...box.env, XDG_RUNTIME_DIR: make(box.dir) };
          const call = (...args: string[]) => {
            const err = `${box.dir}/${box.name()}.err`;
            const fd = openSync(err, "w");
            const argv = [...caller.prefix, brunPath(), ...args];
            const child = Bun.spawnSync(argv, { cwd: box.dir, env, stdio: ["ignore", "pipe", fd] });
            closeSync(fd);
            return {
              code: child.exitCode,
              stderr: readFileSync(err, "utf8"),
              stdout: child.stdout.toString(),
            };
          };
          const { XDG_RUNTIME_DIR: _, ...without } = box.env;
          try {
            // Its output would keep a pipe open.
            const detached = ["sh", "-c", 'exec "$@" >/dev/null', "sh", ...caller.prefix, brunPath()];
            const run = [...detached, "run", "--detach", "--bundle", bundle, id];
            const child = Bun.spawnSync(run, { cwd: box.dir, env, stdio: ["ignore", "ignore", "inherit"] });
            expect(child.exitCode).toBe(0);
            expect(existsSync(`${other}/${id}`)).toBe(true);
            // By the front, and by Bun.
            for (const flags of [[], ["--rootless=auto"]]) {
              expect(JSON.parse(call(...flags, "state", id).stdout)).toMatchObject({ id, status: "running" });
            }
            const plain = Bun.spawnSync([...caller.prefix, brunPath(), "state", id], { env: without });
            expect(plain.exitCode).toBe(0);
          } finally {
            expect(call("delete", "--force", id)).toMatchObject({ code: 0, stderr: "" });
            if (!was) rmSync(other, { recursive: true });
          }
        });
      }

      test("a runtime directory with a state directory that was made for it is used, though not writable itself", async () => {
        await using box = new Sandbox(subject);
        const runtimeDir = ownedDir(caller, `${box.dir}/runtime`, 0o700);
        const argv = [...caller.prefix, brunPath(), "--debug", "list"];
        const list = () => {
          const env = { ...box.env, XDG_RUNTIME_DIR: runtimeDir };
          return Bun.spawnSync(argv, { env, stdio: ["ignore", "pipe", "pipe"] }).stderr.toString();
        };
        const made = Bun.spawnSync(
          [...caller.prefix, brunPath(), "run", "--bundle", box.bundle(), box.name()],
          {
            env: { ...box.env, XDG_RUNTIME_DIR: runtimeDir },
            stdin: "ignore",
          },
        );
        expect(made.exitCode).toBe(0);
        chmodSync(runtimeDir, 0o555);
        expect(list()).toContain(`state directory ${runtimeDir}/brun`);
        chmodSync(runtimeDir, 0o700);
      });
    }
  });
}
