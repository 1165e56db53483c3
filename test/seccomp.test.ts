/** Seccomp: what a filter does to a process inside. */
import { describe, expect, test } from "bun:test";
import { Agent } from "./support/agent.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";

const rule = (names: string[], action: string, more: object = {}): object => ({ names, action, ...more });

for (const subject of subjects()) {
  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    const architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"];

    test("an errno for chmod, with its own value", async () => {
      await using box = new Sandbox(subject);
      const { stdout, stderr } = await box.sh(
        "chmod 700 /tmp || echo refused; grep ^Seccomp: /proc/self/status",
        (spec) => {
          spec.linux.seccomp = {
            defaultAction: "SCMP_ACT_ALLOW",
            architectures,
            syscalls: [rule(["chmod", "fchmod", "fchmodat"], "SCMP_ACT_ERRNO", { errnoRet: 28 })],
          };
        },
      );
      expect(stdout).toBe("refused\nSeccomp:\t2\n");
      expect(stderr).toMatch(/No space left on device/);
    });

    test("kill: the process dies of SIGSYS", async () => {
      await using box = new Sandbox(subject);
      const { code } = await box.sh("exec mkdir /x", (spec) => {
        spec.linux.seccomp = {
          defaultAction: "SCMP_ACT_ALLOW",
          architectures,
          syscalls: [rule(["mkdir", "mkdirat"], "SCMP_ACT_KILL_PROCESS")],
        };
      });
      expect(code).toBe(128 + 31);
    });

    test("an argument decides", async () => {
      await using box = new Sandbox(subject);
      const { stdout } = await box.sh("kill -0 $$ && echo zero; kill -10 $$ || echo ten", (spec) => {
        const args = [{ index: 1, value: 10, op: "SCMP_CMP_EQ" }];
        spec.linux.seccomp = {
          defaultAction: "SCMP_ACT_ALLOW",
          architectures,
          syscalls: [rule(["kill"], "SCMP_ACT_ERRNO", { args })],
        };
      });
      expect(stdout).toBe("zero\nten\n");
    });

    test("without no_new_privs and without CAP_SYS_ADMIN", async () => {
      await using box = new Sandbox(subject);
      const { stdout, stderr } = await box.sh("mkdir /x || echo refused", (spec) => {
        spec.process.noNewPrivileges = false;
        spec.linux.seccomp = {
          defaultAction: "SCMP_ACT_ALLOW",
          architectures,
          syscalls: [rule(["mkdir", "mkdirat"], "SCMP_ACT_ERRNO")],
        };
      });
      expect(stdout).toBe("refused\n");
      expect(stderr).toMatch(/Operation not permitted/);
    });

    test("exec gets the same filter", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached((spec) => {
        spec.linux.seccomp = {
          defaultAction: "SCMP_ACT_ALLOW",
          architectures,
          syscalls: [rule(["mkdir", "mkdirat"], "SCMP_ACT_ERRNO")],
        };
      });
      expect((await box.exec(id, "mkdir /x || echo refused")).stdout).toBe("refused\n");
    });

    const asking = (path: string) => ({
      defaultAction: "SCMP_ACT_ALLOW",
      architectures,
      listenerPath: path,
      listenerMetadata: "about it",
      syscalls: [rule(["mkdir", "mkdirat"], "SCMP_ACT_NOTIFY")],
    });

    // crun says that its pid is 0, and runc asks no agent for a user's exec.
    if (subject.runtime === "brun") {
      test("an agent is told of a process of exec as well: its pid, and the container's", async () => {
        await using box = new Sandbox(subject);
        const path = `${box.dir}/agent`;
        using agent = new Agent(path);
        const id = await box.detached((spec) => {
          spec.linux.seccomp = asking(path);
        });
        const first = await agent.connected();
        const { pid } = await box.inspect(id);
        expect(first).toMatchObject({ fds: ["seccompFd"], metadata: "about it", pid, state: { id, pid } });
        expect(first.state.status).toBe("creating");
        const running = box.spawn(["exec", id, "/bin/sh", "-c", "mkdir /made && echo made"]);
        const second = await agent.connected();
        expect(second).toMatchObject({ fds: ["seccompFd"], metadata: "about it", state: { id, pid } });
        expect(second.state.status).toBe("running");
        expect(second.pid).not.toBe(pid);
        await agent.answer(0);
        expect(await running.done).toMatchObject({ code: 0, stdout: "made\n" });
      });
    }

    test("without its agent a container is not started, and leaves nothing", async () => {
      await using box = new Sandbox(subject);
      const { code, stdout, stderr } = await box.sh("echo ran", (spec) => {
        spec.linux.seccomp = asking(`${box.dir}/nobody`);
      });
      expect({ ran: code === 0, stdout }).toEqual({ ran: false, stdout: "" });
      if (subject.runtime === "brun")
        expect(stderr).toMatch(/^brun: linux\.seccomp\.listenerPath: .*nobody.*\n$/);
      await box.untilGone();
    });

    test("a filter that lets a process neither start a program nor end ends it all the same", async () => {
      await using box = new Sandbox(subject);
      const { code, stdout } = await box.sh("echo ran", (spec) => {
        const never = { index: 0, value: 5, op: "SCMP_CMP_EQ" };
        const syscalls = [{ names: ["execve"], action: "SCMP_ACT_ALLOW", args: [never] }];
        spec.linux.seccomp = { defaultAction: "SCMP_ACT_ERRNO", architectures, syscalls };
      });
      expect({ ended: code !== 0, stdout }).toEqual({ ended: true, stdout: "" });
      await box.untilGone();
    });

    if (subject.runtime === "brun") {
      test("a flag without an effect is ignored in silence, and told by --debug", async () => {
        await using box = new Sandbox(subject);
        const bundle = box.bundle((spec) => {
          spec.process.args = ["/bin/true"];
          const flags = ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"];
          spec.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", flags };
        });
        const run = ["run", "--bundle", bundle, box.name()];
        expect(await box.call(run)).toMatchObject({ code: 0, stderr: "" });
        const { stderr } = await box.call(run, { globals: ["--debug"] });
        expect(stderr).toContain(
          "linux.seccomp.flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is ignored: no action is SCMP_ACT_NOTIFY\n",
        );
      });
    }

    test("an unknown name is left out, an unknown action refused", async () => {
      await using box = new Sandbox(subject);
      const seccomp = (action: string) => ({
        defaultAction: "SCMP_ACT_ALLOW",
        architectures,
        syscalls: [rule(["no_such_call", "mkdir"], action)],
      });
      const known = await box.sh("mkdir /x || echo refused", (spec) => {
        spec.linux.seccomp = seccomp("SCMP_ACT_ERRNO");
      });
      expect(known.stdout).toBe("refused\n");
      const unknown = await box.sh("echo ran", (spec) => {
        spec.linux.seccomp = seccomp("SCMP_ACT_SING");
      });
      expect(unknown.code).not.toBe(0);
      expect(unknown.stdout).toBe("");
      if (subject.runtime === "brun")
        expect(unknown.stderr).toMatch(/seccomp\.syscalls\[0\]\.action.*SCMP_ACT_SING/);
    });
  });
}
