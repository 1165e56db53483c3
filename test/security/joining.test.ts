/**
 * The process of an `exec` on its way into a container whose processes lie in wait for it (CVE-2016-9962,
 * CVE-2019-5736), and what it may do once it is there (CVE-2022-27650, CVE-2022-29162).
 */
import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isRoot } from "../support/caller.ts";
import { until } from "../support/processes.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { capabilitySets, DOCKER_CAPABILITIES, mapManyIds } from "../support/spec.ts";
import { brunPath } from "../support/workspace.ts";
import { install, numbers, tries } from "./support.ts";

const sha256 = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

/** In a user namespace no capability reaches the joining process; the host's CAP_SYS_PTRACE reaches everything. */
const HUNTER = DOCKER_CAPABILITIES;
const TRACER = [...DOCKER_CAPABILITIES, "CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH"];

const childrenOf = (pid: number): string[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);

/** proc_pid_stat(5) from the state on, which is field 3. */
const statOf = (pid: number | string): string[] =>
  readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ");

/** What a process has used of a CPU, in hundredths of a second: fields 14 and 15. */
const ticks = (pid: number): number => Number(statOf(pid)[11]) + Number(statOf(pid)[12]);

for (const subject of subjects()) {
  const rootless = subject.caller.name === "user";
  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    for (const many of rootless ? [false, true] : [false]) {
      const ids = many ? "many ids" : "default ids";
      test(`no process of a container gets hold of one that joins it, ${ids}`, async () => {
        await using box = new Sandbox(subject);
        const id = box.name();
        const bundle = box.bundle((spec) => {
          spec.process.args = ["/bin/hunt", `${tries(2, 60)}`];
          spec.process.capabilities = capabilitySets(rootless ? TRACER : HUNTER);
          if (many) mapManyIds(spec, subject.caller);
        });
        install(box, bundle, "hunt");
        const before = sha256(brunPath());
        const run = box.spawn(["run", "--bundle", bundle, id], { timeoutMs: 120000 });
        await until("it runs", async () => (await box.call(["state", id])).stdout.includes('"running"'));
        let ended = false;
        run.done.then(() => {
          ended = true;
        });
        while (!ended) await Promise.all([1, 2].map(() => box.call(["exec", id, "/bin/true"])));
        const { seen, ...ways } = numbers((await run.done).stdout);
        expect(seen).toBeGreaterThan(0);
        expect(ways).toEqual({ mem: 0, exe: 0, fd: 0, cwd: 0, ptrace: 0, written: 0 });
        expect(sha256(brunPath())).toBe(before);
      }, 180000);
    }

    test("nor of one that becomes another container in its user and pid namespaces", async () => {
      await using box = new Sandbox(subject);
      /** Containers that have joined the hunter's namespaces and ended well, and why others have not. */
      const hunt = async (seconds: number) => {
        const bundle = box.bundle((spec) => {
          mapManyIds(spec, subject.caller);
          spec.process.args = ["/bin/hunt", `${seconds}`];
          spec.process.capabilities = capabilitySets(TRACER);
        });
        install(box, bundle, "hunt");
        const id = box.name();
        const run = box.spawn(["run", "--bundle", bundle, id], { timeoutMs: 150000 });
        await until("it runs", async () => (await box.call(["state", id])).stdout.includes('"running"'));
        const { pid } = await box.inspect(id);
        const other = box.bundle((spec) => {
          const others = spec.linux.namespaces.filter(({ type }) => type !== "user" && type !== "pid");
          const joined = ["user", "pid"].map((type) => ({ type, path: `/proc/${pid}/ns/${type}` }));
          spec.linux.namespaces = [...others, ...joined];
          delete spec.linux.uidMappings;
          delete spec.linux.gidMappings;
          spec.process.args = ["/bin/true"];
        });
        let ended = false;
        run.done.then(() => {
          ended = true;
        });
        let succeeded = 0;
        while (!ended)
          if ((await box.call(["run", "--bundle", other, box.name()])).code === 0) succeeded += 1;
        const { seen, ...ways } = numbers((await run.done).stdout);
        return { succeeded, seen, ways };
      };
      // On a busy machine a few seconds may be over before anyone has joined.
      let { succeeded, seen, ways } = await hunt(tries(3, 60));
      if (succeeded === 0 || seen === 0) ({ succeeded, seen, ways } = await hunt(60));
      expect(succeeded).toBeGreaterThan(0);
      expect(seen).toBeGreaterThan(0);
      expect(ways).toEqual({ mem: 0, exe: 0, fd: 0, cwd: 0, ptrace: 0, written: 0 });
    }, 240000);

    // Without a user namespace the host's CAP_SYS_PTRACE is as good in the container: it reaches every process that it sees.
    test.skipIf(rootless)(
      "with CAP_SYS_PTRACE in a rootful container there is still no runtime to overwrite",
      async () => {
        await using box = new Sandbox(subject);
        const id = box.name();
        const bundle = box.bundle((spec) => {
          spec.process.args = ["/bin/hunt", `${tries(2, 60)}`];
          spec.process.capabilities = capabilitySets(TRACER);
        });
        install(box, bundle, "hunt");
        const before = sha256(brunPath());
        const run = box.spawn(["run", "--bundle", bundle, id], { timeoutMs: 120000 });
        await until("it runs", async () => (await box.call(["state", id])).stdout.includes('"running"'));
        let ended = false;
        run.done.then(() => {
          ended = true;
        });
        // Some are let go by the tracer with a signal of their own: that is its right.
        while (!ended) await box.call(["exec", id, "/bin/true"]);
        const { seen, written } = numbers((await run.done).stdout);
        expect(seen).toBeGreaterThan(0);
        expect(written).toBe(0);
        expect(sha256(brunPath())).toBe(before);
      },
      180000,
    );

    test("exec waits, and does not spin, for what a process of the container holds", async () => {
      await using box = new Sandbox(subject);
      const id = box.name();
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/hold"];
        spec.process.capabilities = capabilitySets(rootless ? TRACER : HUNTER);
      });
      install(box, bundle, "hold");
      await box.ok(["run", "--detach", "--bundle", bundle, id]);
      const exec = box.spawn(["exec", id, "/bin/sleep", "0.3"]);
      await until("its process has ended", () => childrenOf(exec.pid).some((pid) => statOf(pid)[0] === "Z"));
      const before = ticks(exec.pid);
      await Bun.sleep(500);
      expect(ticks(exec.pid) - before).toBeLessThan(3);
      await box.ok(["kill", id, "KILL"]);
      expect(await exec.done).toMatchObject({ code: 0, stderr: "" });
    });

    test("a program that is /proc/self/exe is not the runtime's to overwrite, at run and at exec", async () => {
      await using box = new Sandbox(subject);
      const before = sha256(brunPath());
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/proc/self/exe", "stage", "0"];
      });
      await box.call(["run", "--bundle", bundle, box.name()]);
      // What the image's shell is: the interpreter is opened by the process that joins.
      const id = box.name();
      const other = box.bundle((spec) => {
        const write = "for p in /proc/[0-9]*; do (echo x >$p/exe) 2>/dev/null && echo wrote; done";
        const loop = `n=0; while [ $n -lt 200 ]; do ${write}; n=$((n+1)); done; exec sleep 1000`;
        spec.process.args = ["/bin/busybox", "sh", "-c", loop];
      });
      const shell = `${other}/rootfs/bin/sh`;
      rmSync(shell);
      writeFileSync(shell, "#!/proc/self/exe\n");
      chmodSync(shell, 0o755);
      await box.ok(["run", "--detach", "--bundle", other, id]);
      for (let i = 0; i < tries(10, 300); i++) await box.call(["exec", id, "/bin/sh"]);
      await box.ok(["delete", "--force", id]);
      expect(sha256(brunPath())).toBe(before);
    }, 120000);

    test("exec: no inheritable capability, --cap adds none, another user has none at all", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached((spec) => {
        spec.process.capabilities = capabilitySets(["CAP_KILL"]);
        mapManyIds(spec, subject.caller);
        spec.process.noNewPrivileges = false;
      });
      const sets = async (...flags: string[]) => {
        const { stdout, stderr } = await box.call(["exec", ...flags, id, "/bin/cat", "/proc/self/status"]);
        expect(stderr).toBe("");
        const found = [...stdout.matchAll(/^Cap(\w+):\s*(\w+)$/gm)];
        return Object.fromEntries(found.map(([, name, hex]) => [name, Number(`0x${hex}`)]));
      };
      const [KILL, CHOWN] = [1 << 5, 1];
      expect(await sets()).toEqual({ Inh: 0, Prm: KILL, Eff: KILL, Bnd: KILL, Amb: 0 });
      const more = { Inh: 0, Prm: KILL | CHOWN, Eff: KILL | CHOWN, Bnd: KILL | CHOWN, Amb: 0 };
      if (subject.runtime === "brun") expect(await sets("--cap", "CAP_CHOWN")).toEqual(more);
      expect(await sets("--user", "1000:1000")).toEqual({ Inh: 0, Prm: 0, Eff: 0, Bnd: KILL, Amb: 0 });
    });

    if (isRoot && rootless && subject.runtime === "brun")
      test("a process whose program may be executed and not read is joined by nobody; an init is", async () => {
        await using box = new Sandbox(subject);
        const bundle = box.bundle((spec) => {
          spec.process.args = ["/hidden/sleep", "1000"];
        });
        // Root's on the host, whom the container's ids do not have.
        mkdirSync(`${bundle}/rootfs/hidden`);
        copyFileSync(`${bundle}/rootfs/bin/busybox`, `${bundle}/rootfs/hidden/sleep`);
        chmodSync(`${bundle}/rootfs/hidden/sleep`, 0o711);
        const joined = async (...flags: string[]) => {
          const id = box.name();
          await box.ok(["run", "--detach", ...flags, "--bundle", bundle, id]);
          const outcome = await box.call(["exec", id, "/bin/echo", "joined"]);
          await box.ok(["delete", "--force", id]);
          return outcome;
        };
        expect(await joined()).toMatchObject({
          code: 255,
          stdout: "",
          stderr: expect.stringMatching(/^brun: exec: .*EPERM.*; hint: .* with --init\n$/),
        });
        expect(await joined("--init")).toMatchObject({ code: 0, stdout: "joined\n" });
      });

    test("exec --user is the user that it names, and no number that a uid cannot be", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached((spec) => mapManyIds(spec, subject.caller));
      const ids = async (user: string) =>
        box.call(["exec", "--user", user, id, "/bin/sh", "-c", "id -u; id -g"]);
      expect((await ids("1:2")).stdout).toBe("1\n2\n");
      expect((await ids("1")).stdout).toMatch(/^1\n/);
      for (const user of [
        "4294967295",
        "4294967296",
        "18446744073709551616",
        "-1",
        "1:4294967296",
        "1e3",
        "0x1",
        "1 ",
      ]) {
        const { code, stdout } = await ids(user);
        expect([user, code === 0, stdout]).toEqual([user, false, ""]);
      }
    });
  });
}
