/** Kernels, or seccomp filters around brun, that lack a system call: what goes on without, and what says so. */
import { describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { NR, type SyscallName } from "../../src/sys/syscalls.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { mapManyIds } from "../support/spec.ts";
import { workspace } from "../support/workspace.ts";

let built: string | undefined;

/** A program that makes the named calls fail with ENOSYS in what it starts. */
function without(...calls: SyscallName[]): string[] {
  if (built === undefined) {
    built = `${workspace()}/without`;
    const { exitCode, stderr } = Bun.spawnSync(["cc", "-o", built, `${import.meta.dir}/without.c`]);
    if (exitCode !== 0) throw new Error(`cc: ${stderr.toString()}`);
    chmodSync(built, 0o755);
  }
  return [built, calls.map((name) => NR[name]).join(",")];
}

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  /** Runs brun without the calls. */
  function call(box: Sandbox, calls: SyscallName[], args: string[]) {
    const argv = box.argv(args);
    argv.splice(caller.prefix.length, 0, ...without(...calls));
    const { exitCode, stdout, stderr } = Bun.spawnSync(argv, {
      env: box.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  }

  function run(box: Sandbox, calls: SyscallName[], ids = false) {
    const bundle = box.bundle((spec) => {
      if (ids) mapManyIds(spec, caller);
      delete spec.process.capabilities!.ambient;
      spec.process.args = ["/bin/sh", "-c", "echo pid $$; exit 3"];
    });
    return call(box, calls, ["run", "--bundle", bundle, box.name()]);
  }

  describe(subject.label, () => {
    test.each([
      [["clone3"]],
      [["pidfd_open", "pidfd_send_signal"]],
      [["clone3", "pidfd_open", "pidfd_send_signal"]],
    ] as [SyscallName[]][])("runs without %j", async (calls) => {
      await using box = new Sandbox(subject);
      expect(run(box, calls)).toEqual({ code: 3, stdout: "pid 1\n", stderr: "" });
    });

    test.each([
      ["openat2", "5.6"],
      ["open_tree", "5.2"],
      ["move_mount", "5.2"],
      ["mount_setattr", "5.12"],
      ["faccessat2", "5.8"],
      ["close_range", "5.11"],
    ] as [SyscallName, string][])(
      "without %s it says which kernel has it, and leaves nothing",
      async (name, since) => {
        await using box = new Sandbox(subject);
        const { code, stderr } = run(box, [name]);
        expect(code).toBe(1);
        expect(stderr).toContain(
          `${name} needs Linux ${since}, and that a seccomp filter around brun allows it`,
        );
        expect(stderr.trim().split("\n")).toHaveLength(1);
        await box.untilGone();
      },
    );

    test("kill and delete without pidfds", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      const calls: SyscallName[] = ["pidfd_open", "pidfd_send_signal"];
      const { pid } = await box.inspect(id);
      expect(call(box, calls, ["kill", id, "KILL"])).toMatchObject({ code: 0, stderr: "" });
      await box.untilStatus(id, "stopped");
      expect(call(box, calls, ["delete", id])).toMatchObject({ code: 0, stderr: "" });
      expect(pid).toBeGreaterThan(0);
      const other = await box.detached();
      const exec = call(box, calls, ["exec", other, "/bin/true"]);
      expect(exec.code).toBe(255);
      expect(exec.stderr).toContain("exec needs Linux 5.8");
      const again = await box.detached();
      expect(call(box, calls, ["delete", "--force", again])).toMatchObject({ code: 0, stderr: "" });
    });
  });
}
