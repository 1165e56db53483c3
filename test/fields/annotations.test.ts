/** Annotations of crun that have an effect: groups, output of hooks, pidfd. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { FdReceiver } from "../support/sockets.ts";
import { mapManyIds } from "../support/spec.ts";

for (const subject of subjects()) {
  const { caller } = subject;
  const brun = subject.runtime === "brun";

  // The user's command line drops its groups; root's are kept.
  const gid = caller.gid;

  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    if (subject.runtime !== "runc") {
      test("run.oci.keep_original_groups keeps the caller's groups, also for exec", async () => {
        await using box = new Sandbox(subject);
        const id = box.name();
        const bundle = box.bundle((spec) => {
          if (caller.name === "user") mapManyIds(spec, caller);
          spec.process.user.additionalGids = [50];
          spec.process.args = ["/bin/sleep", "1000"];
          spec.annotations = { "run.oci.keep_original_groups": "1" };
        });
        // A group that only the one who starts the runtime has.
        const groups = caller.name === "root" ? ["setpriv", "--groups", "4711", "--"] : [];
        if (caller.name === "root" && brun) {
          const argv = [...groups, ...box.argv(["run", "--detach", "--bundle", bundle, id])];
          const child = Bun.spawnSync(argv, { env: box.env, stdio: ["ignore", "ignore", "ignore"] });
          expect(child.exitCode).toBe(0);
        } else await box.ok(["run", "--detach", "--bundle", bundle, id]);
        const { pid } = await box.inspect(id);
        const line = readFileSync(`/proc/${pid}/status`, "utf8").match(/^Groups:(.*)$/m)![1]!;
        expect(line.split(/\s+/).filter(Boolean).map(Number)).not.toContain(50);
        if (caller.name === "root" && brun) expect(line.trim()).toBe("4711");
        if (caller.name === "user") expect(line.trim()).toBe(`${gid}`);
      });

      test("run.oci.hooks.stdout and .stderr take what hooks say", async () => {
        await using box = new Sandbox(subject);
        const [out, err] = [`${box.dir}/hooks.out`, `${box.dir}/hooks.err`];
        const say = (word: string) => ({
          path: "/bin/sh",
          args: ["sh", "-c", `echo ${word}; echo ${word} >&2`],
          env: ["PATH=/usr/bin:/bin"],
        });
        const names = ["createRuntime", "createContainer", "startContainer", "poststart", "poststop"];
        const outcome = await box.sh("true", (spec) => {
          spec.annotations = { "run.oci.hooks.stdout": out, "run.oci.hooks.stderr": err };
          spec.hooks = Object.fromEntries(names.map((name) => [name, [say(name)]]));
        });
        expect(outcome).toMatchObject({ code: 0, stdout: "", stderr: "" });
        await box.untilGone();
        const sorted = (path: string) => readFileSync(path, "utf8").trim().split("\n").sort();
        expect(sorted(out)).toEqual([...names].sort());
        expect(sorted(err)).toEqual([...names].sort());
      });
    }

    if (subject.runtime !== "runc") {
      test("run.oci.seccomp_fail_unknown_syscall makes an unknown system call an error", async () => {
        await using box = new Sandbox(subject);
        const run = (annotations: Record<string, string>) =>
          box.sh("echo ran", (spec) => {
            const rule = { names: ["no_such_call"], action: "SCMP_ACT_ERRNO" };
            spec.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [rule] };
            spec.annotations = annotations;
          });
        expect(await run({})).toMatchObject({ code: 0, stdout: "ran\n" });
        const refused = await run({ "run.oci.seccomp_fail_unknown_syscall": "1" });
        expect(refused).toMatchObject({ code: 1, stdout: "" });
        expect(refused.stderr).toContain("no_such_call");
      });
    }

    if (brun) {
      test("run.oci.pidfd_receiver gets the process's pidfd", async () => {
        await using box = new Sandbox(subject);
        const path = `${box.dir}/pidfd`;
        using receiver = new FdReceiver(path);
        const id = await box.detached((spec) => {
          spec.annotations = { "run.oci.pidfd_receiver": path };
        });
        const pidfd = await receiver.receive();
        const { pid } = await box.inspect(id);
        expect(readFileSync(`/proc/self/fdinfo/${pidfd}`, "utf8")).toContain(`Pid:\t${pid}\n`);
      });
    }
  });
}
