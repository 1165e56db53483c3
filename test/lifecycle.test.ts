/** create → start → state → kill → delete, and run, as an unprivileged user and as root. */
import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync } from "node:fs";
import { until } from "./support/processes.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";

for (const subject of subjects()) {
  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    test("run returns the exit code and leaves nothing", async () => {
      await using box = new Sandbox(subject);
      const outcome = await box.sh("echo out; echo err >&2; exit 7");
      expect(outcome.stdout).toBe("out\n");
      expect(outcome.stderr).toContain("err\n");
      expect(outcome.code).toBe(7);
      expect(await box.ok(["list", "--quiet"])).toBe("");
    });

    test("run returns 128 + the signal that killed the container", async () => {
      await using box = new Sandbox(subject);
      expect((await box.sh("sh -c 'kill -9 $$'; exit $?")).code).toBe(128 + 9);
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sleep", "1000"];
      });
      const [id, pidFile] = [box.name(), `${box.dir}/pid`];
      const running = box.spawn(["run", "--bundle", bundle, "--pid-file", pidFile, id]);
      await until("the pid file", () => existsSync(pidFile));
      await box.untilStatus(id, "running");
      await box.ok(["kill", id, "KILL"]);
      expect((await running.done).code).toBe(128 + 9);
      expect(box.known(id)).toBe(false);
    });

    test("kill succeeds although the foreground runtime cleans up behind the container at once", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sh", "-c", "echo up; exec sleep 1000"];
      });
      for (let i = 0; i < 15; i++) {
        const id = box.name();
        const running = box.spawn(["run", "--bundle", bundle, id]);
        await until("the container", () => running.stdout() === "up\n");
        await box.ok(["kill", id, "KILL"]);
        expect((await running.done).code).toBe(128 + 9);
      }
    });

    test("stdin reaches the container", async () => {
      await using box = new Sandbox(subject);
      const outcome = await box.sh("cat; echo end", undefined, { stdin: "from outside\n" });
      expect(outcome.stdout).toBe("from outside\nend\n");
    });

    test("create, start, state, kill, delete", async () => {
      await using box = new Sandbox(subject);
      const id = box.name();
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sh", "-c", "echo started; exec sleep 1000"];
        spec.annotations = { "org.example.key": "value" };
      });
      const pidFile = `${box.dir}/pid`;
      const created = box.spawn(["create", "--bundle", bundle, "--pid-file", pidFile, id]);
      expect((await created.done).code).toBe(0);
      const state = await box.inspect(id);
      expect(state).toMatchObject({ id, status: "created", bundle });
      expect(state.annotations).toMatchObject({ "org.example.key": "value" });
      expect(state.pid).toBe(Number(readFileSync(pidFile, "utf8")));
      expect(created.stdout()).toBe("");

      await box.ok(["start", id]);
      await box.untilStatus(id, "running");
      expect((await box.inspect(id)).pid).toBe(state.pid);
      expect(await box.ok(["list", "--quiet"])).toBe(`${id}\n`);
      await until("output", () => created.stdout() !== "");
      expect(created.stdout()).toBe("started\n");

      await box.ok(["kill", id, "SIGKILL"]);
      await box.untilStatus(id, "stopped");
      await box.ok(["delete", id]);
      expect(box.leftovers(id)).toEqual([]);
      expect((await box.call(["state", id])).code).toBe(1);
    });

    test("a created container can be killed before it is started", async () => {
      await using box = new Sandbox(subject);
      const id = box.name();
      await box.ok(["create", "--bundle", box.bundle(), id]);
      await box.ok(["kill", id, "9"]);
      await box.untilStatus(id, "stopped");
      expect((await box.call(["start", id])).code).not.toBe(0);
      await box.ok(["delete", id]);
    });

    test("delete refuses a running container, delete --force takes it", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      const refused = await box.call(["delete", id]);
      expect(refused.code).toBe(1);
      expect((await box.inspect(id)).status).toBe("running");
      await box.ok(["delete", "--force", id]);
      await box.untilGone(id);
    });

    test("delete --force of a container that does not exist succeeds, delete fails", async () => {
      await using box = new Sandbox(subject);
      expect((await box.call(["delete", "--force", "nobody"])).code).toBe(0);
      expect((await box.call(["delete", "nobody"])).code).toBe(1);
    });

    test("a detached container runs on and its status becomes stopped when it ends", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached((spec) => {
        spec.process.args = ["/bin/sh", "-c", "while [ ! -e /go ]; do sleep 0.05; done"];
      });
      const state = await box.inspect(id);
      expect(state.status).toBe("running");
      await Bun.write(`${state.bundle}/rootfs/go`, "");
      await box.untilStatus(id, "stopped");
      await box.ok(["delete", id]);
      expect(box.known(id)).toBe(false);
    });

    test("kill takes names with and without SIG, in any case, and numbers", async () => {
      await using box = new Sandbox(subject);
      const names = ["USR1", "SIGUSR1", "usr1", "10"];
      const id = box.name();
      const bundle = box.bundle((spec) => {
        const script = "trap 'echo got' USR1; echo ready; while :; do sleep 0.05; done";
        spec.process.args = ["/bin/sh", "-c", script];
      });
      const run = box.spawn(["run", "--detach", "--bundle", bundle, id]);
      await run.done;
      await until("the trap", () => run.stdout().includes("ready"));
      for (let i = 0; i < names.length; i++) {
        await box.ok(["kill", id, names[i]!]);
        await until(`the ${names[i]} signal`, () => run.stdout().split("got").length === i + 2);
      }
      for (const none of ["NOSUCH", "HUP INT", "USR1 ", " "]) {
        expect(`${none}: ${(await box.call(["kill", id, none])).code}`).toBe(`${none}: 1`);
      }
      expect((await box.inspect(id)).status).toBe("running");
    });

    if (subject.runtime === "brun" && subject.caller.uid !== 0)
      test("delete that cannot remove the container's directory fails, by the front and by Bun", async () => {
        await using box = new Sandbox(subject);
        for (const globals of [[], ["--rootless=auto"]]) {
          const id = await box.detached((spec) => {
            spec.process.args = ["/bin/true"];
          });
          await box.untilStatus(id, "stopped");
          chmodSync(box.state, 0o500);
          const outcome = await box.call(["delete", id], { globals });
          chmodSync(box.state, 0o711);
          expect(outcome.code).toBe(1);
          expect(outcome.stderr).toMatch(/^brun: remove .*: permission denied/i);
          await box.ok(["delete", "--force", id]);
          await box.untilGone(id);
        }
      });

    if (subject.runtime === "brun")
      test("delete --force ends what a container in the host's pid namespace and without a cgroup has started", async () => {
        await using box = new Sandbox(subject);
        const id = box.name();
        const bundle = box.bundle((spec) => {
          spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "pid");
          spec.mounts = spec.mounts.filter(({ type }) => type !== "proc");
          spec.process.args = [
            "/bin/sh",
            "-c",
            "sleep 1000 & (setsid sleep 1001 & sleep 1002) & echo up; wait",
          ];
        });
        const globals = ["--cgroup-manager=disabled"];
        const run = box.spawn(["run", "--detach", "--bundle", bundle, id], { globals });
        expect((await run.done).code).toBe(0);
        await until("its processes", () => run.stdout().includes("up"));
        await box.ok(["delete", "--force", id]);
        await box.untilGone(id);
      });

    test("kill without a signal sends SIGTERM, and fails on a stopped container", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached((spec) => {
        const script = "trap 'exit 3' TERM; touch /ready; while :; do sleep 0.05; done";
        spec.process.args = ["/bin/sh", "-c", script];
      });
      await until("/ready inside", async () => (await box.exec(id, "test -e /ready")).code === 0);
      await box.ok(["kill", id]);
      await box.untilStatus(id, "stopped");
      expect((await box.call(["kill", id])).code).toBe(1);
    });

    test("an id that is in use is refused and its container stays", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      const { pid } = await box.inspect(id);
      const again = await box.call(["run", "--bundle", box.bundle(), id]);
      expect(again.code).not.toBe(0);
      expect(again.stderr).toMatch(/exist/);
      expect(await box.inspect(id)).toMatchObject({ pid, status: "running" });
    });

    test("list shows id, pid, status, bundle, created and owner", async () => {
      await using box = new Sandbox(subject);
      const ids = [await box.detached(), await box.detached()].sort();
      const table = (await box.ok(["list"])).trimEnd().split("\n");
      expect(table[0]!.replace(/ +/g, " ")).toMatch(
        /^(ID|NAME) PID STATUS BUNDLE ?(PATH)? CREATED OWNER\s*$/,
      );
      expect(table).toHaveLength(3);
      const list: { id: string; status: string; pid: number; owner: string }[] = JSON.parse(
        await box.ok(["list", "--format", "json"]),
      );
      expect(list.map(({ id }) => id).sort()).toEqual(ids);
      for (const item of list) {
        expect(item).toMatchObject({ status: "running", owner: subject.caller.user });
      }
    });

    test("ps lists the processes of a container", async () => {
      await using box = new Sandbox(subject);
      // Others need a cgroup, which a user has not got everywhere.
      if (subject.caller.name === "user" && subject.runtime !== "brun") return;
      const id = await box.detached();
      const { pid } = await box.inspect(id);
      expect(JSON.parse(await box.ok(["ps", "--format", "json", id]))).toContain(pid);
      expect(await box.ok(["ps", id])).toContain("sleep 1000");
      expect(await box.ok(["ps", id])).toBe(await box.ok(["ps", id, "-ef"]));
      await box.ok(["kill", id, "KILL"]);
      await box.untilStatus(id, "stopped");
      expect(await box.ok(["ps", id])).toMatch(/^UID +PID .*\n$/);
      expect(await box.ok(["ps", "--format", "json", id])).toBe("null\n");
    });
  });
}
