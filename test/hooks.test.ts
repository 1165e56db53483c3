/** The six kinds of hooks: when and where they run, what they are given, and what follows when they fail. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { until } from "./support/processes.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import type { TestHook, TestSpec } from "./support/spec.ts";

const KINDS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

/** A hook that runs a script of the host's (or, for startContainer, the container's) shell. */
function hook(script: string, more: Partial<TestHook> = {}): TestHook {
  return { path: "/bin/sh", args: ["sh", "-c", script], env: ["PATH=/usr/bin:/bin"], ...more };
}

/** A spec whose /log is the sandbox's directory, so that hooks on both sides write to the same place. */
function withLog(box: Sandbox, hooks: Record<string, TestHook[]>): (spec: TestSpec) => void {
  return (spec) => {
    spec.mounts.push({ destination: "/log", type: "bind", source: box.dir, options: ["rbind", "rw"] });
    spec.hooks = hooks;
  };
}

for (const subject of subjects()) {
  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    test("each kind runs once, in order, at its moment", async () => {
      await using box = new Sandbox(subject);
      box.file("order", "");
      const hooks = Object.fromEntries(
        KINDS.map((kind) => {
          const dir = kind === "startContainer" ? "/log" : box.dir;
          return [kind, [hook(`echo ${kind} 1 >>${dir}/order`), hook(`echo ${kind} 2 >>${dir}/order`)]];
        }),
      );
      const order = (): string[] => readFileSync(`${box.dir}/order`, "utf8").split("\n").filter(Boolean);
      const twice = (...kinds: string[]): string[] => kinds.flatMap((kind) => [`${kind} 1`, `${kind} 2`]);
      const id = box.name();
      const bundle = box.bundle((spec) => {
        withLog(box, hooks)(spec);
        spec.process.args = ["/bin/sh", "-c", "echo process >>/log/order; exec sleep 1000"];
      });
      await box.ok(["create", "--bundle", bundle, id]);
      expect(order()).toEqual(twice("prestart", "createRuntime", "createContainer"));
      await box.ok(["start", id]);
      await box.ok(["kill", id, "KILL"]);
      await box.untilStatus(id, "stopped");
      const withoutProcess = order().filter((line) => line !== "process");
      expect(withoutProcess).toEqual(twice(...KINDS.slice(0, 5)));
      await box.ok(["delete", id]);
      expect(order().slice(-2)).toEqual(twice("poststop"));
    });

    test("each kind gets the container's state on stdin", async () => {
      await using box = new Sandbox(subject);
      const hooks = Object.fromEntries(
        KINDS.map((kind) => [
          kind,
          [hook(`cat >${kind === "startContainer" ? "/log" : box.dir}/${kind}.json`)],
        ]),
      );
      const id = box.name();
      const bundle = box.bundle((spec) => {
        withLog(box, hooks)(spec);
        spec.annotations = { "org.example.note": "here" };
      });
      expect((await box.call(["run", "--bundle", bundle, id])).code).toBe(0);
      const expected: Record<string, string> = {
        startContainer: "created",
        poststart: "running",
        poststop: "stopped",
      };
      for (const kind of KINDS) {
        const state = JSON.parse(readFileSync(`${box.dir}/${kind}.json`, "utf8"));
        expect(state).toMatchObject({ id, bundle, annotations: { "org.example.note": "here" } });
        expect(state.ociVersion).toMatch(/^1\.\d/);
        if (subject.runtime === "brun") {
          expect(`${kind}: ${state.status}`).toBe(`${kind}: ${expected[kind] ?? "creating"}`);
          if (kind !== "poststop") expect(state.pid).toBeGreaterThan(0);
        }
      }
    });

    test("namespaces: the runtime's, the container's before pivot_root, the container's", async () => {
      await using box = new Sandbox(subject);
      const probe = (dir: string, kind: string): TestHook =>
        hook(
          `readlink /proc/self/ns/mnt >${dir}/${kind}; test -d ${box.dir} && echo host >>${dir}/${kind}; :`,
        );
      const hooks = Object.fromEntries(
        KINDS.map((kind) => [kind, [probe(kind === "startContainer" ? "/log" : box.dir, kind)]]),
      );
      const outcome = await box.sh("readlink /proc/self/ns/mnt", withLog(box, hooks));
      expect(outcome.code).toBe(0);
      const inside = outcome.stdout.trim();
      const outside = readlinkSync("/proc/self/ns/mnt");
      const lines = (kind: string): string[] => readFileSync(`${box.dir}/${kind}`, "utf8").trim().split("\n");
      // crun on a hybrid machine runs in a mount namespace made for it, which is then the runtime's.
      const runtimes = subject.runtime === "crun" ? lines("prestart")[0]! : outside;
      for (const kind of ["prestart", "createRuntime", "poststart", "poststop"]) {
        expect(lines(kind)).toEqual([runtimes, "host"]);
      }
      expect(lines("createContainer")).toEqual([inside, "host"]);
      expect(lines("startContainer")).toEqual([inside]);
    });

    test("arguments and environment are the hook's own", async () => {
      await using box = new Sandbox(subject);
      const script = `printf '%s\\n' "$0" "$@" >${box.dir}/args; env >${box.dir}/env`;
      const hooks = {
        prestart: [{ path: "/bin/sh", args: ["x", "-c", script, "zero", "one two"], env: ["A=b c"] }],
      };
      const bundle = box.bundle(withLog(box, hooks));
      const outcome = await box.call(["run", "--bundle", bundle, box.name()], { env: { LEAK: "yes" } });
      expect(outcome.stderr).toBe("");
      expect(readFileSync(`${box.dir}/args`, "utf8")).toBe("zero\none two\n");
      const env = readFileSync(`${box.dir}/env`, "utf8");
      expect(env).toContain("A=b c\n");
      expect(env).not.toContain("LEAK");
    });

    for (const kind of KINDS.slice(0, 4)) {
      test(`a failing ${kind} hook stops the container and leaves nothing but what is to be deleted`, async () => {
        await using box = new Sandbox(subject);
        const id = box.name();
        const hooks = { [kind]: [hook("exit 3")] };
        const outcome = await box.sh("echo ran", withLog(box, hooks));
        expect(outcome.code).not.toBe(0);
        expect(outcome.stdout).toBe("");
        expect(outcome.stderr).not.toBe("");
        const created = await box.call(["create", "--bundle", box.bundle(withLog(box, hooks)), id]);
        if (kind === "startContainer") {
          expect(created.code).toBe(0);
          const started = await box.call(["start", id]);
          // runc and crun say nothing, and leave a container that has stopped.
          if (subject.runtime === "brun") {
            expect(started.code).toBe(1);
            expect(started.stderr).toBe(
              "brun: hooks.startContainer[0]: the hook /bin/sh exited with status 3\n",
            );
          } else await box.ok(["delete", "--force", id]);
        } else expect(created.code).not.toBe(0);
        expect(box.known(id)).toBe(false);
        await box.untilGone(id);
      });
    }

    test("a failing poststart hook stops the container", async () => {
      await using box = new Sandbox(subject);
      const hooks = {
        poststart: [hook("exit 3")],
        poststop: [hook(`echo stopped >>${box.dir}/log`)],
      };
      const bundle = box.bundle((spec) => {
        withLog(box, hooks)(spec);
        spec.process.args = ["sleep", "1000"];
      });
      const [ran, id] = [box.name(), box.name()];
      expect((await box.call(["run", "--bundle", bundle, ran])).code).not.toBe(0);
      await box.untilGone(ran);
      await box.ok(["create", "--bundle", bundle, id]);
      expect((await box.call(["start", id])).code).not.toBe(0);
      // runtime.md#lifecycle, steps 10, 13 and 14.
      if (subject.runtime !== "brun") await box.call(["delete", "--force", id]);
      await box.untilGone(id);
      expect(readFileSync(`${box.dir}/log`, "utf8")).toBe("stopped\nstopped\n");
    });

    test("start: a startContainer hook that fails ends the container, by the front and by Bun", async () => {
      if (subject.runtime !== "brun") return;
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.hooks = {
          startContainer: [hook("exit 0"), hook("echo no; exit 7")],
          poststop: [hook(`echo poststop >>${box.dir}/log`)],
        };
      });
      for (const globals of [[], ["--rootless=auto"]]) {
        const id = box.name();
        await box.ok(["create", "--bundle", bundle, id]);
        const started = await box.call(["start", id], { globals });
        expect(started).toMatchObject({
          code: 1,
          stderr: "brun: hooks.startContainer[1]: the hook /bin/sh exited with status 7\n",
        });
        await box.untilGone(id);
      }
      expect(readFileSync(`${box.dir}/log`, "utf8")).toBe("poststop\npoststop\n");
    });

    test("start: a container that takes its time to end has failed as soon as its hook has", async () => {
      if (subject.runtime !== "brun") return;
      await using box = new Sandbox(subject);
      // A namespace ends when all in it have ended, which takes a process with much memory a while.
      const slow = "dd if=/dev/zero of=/dev/null bs=256M count=100000 2>/dev/null & sleep 0.5; exit 7";
      const bundle = box.bundle((spec) => {
        spec.hooks = { startContainer: [hook(slow)] };
      });
      const id = box.name();
      await box.ok(["create", "--bundle", bundle, id]);
      expect(await box.call(["start", id])).toMatchObject({
        code: 1,
        stderr: "brun: hooks.startContainer[0]: the hook /bin/sh exited with status 7\n",
      });
      await box.untilGone(id);
    });

    test("start says why the program could not be executed", async () => {
      if (subject.runtime !== "brun") return;
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/broken"];
      });
      writeFileSync(`${bundle}/rootfs/bin/broken`, "\x7fELF no more", { mode: 0o755 });
      for (const globals of [[], ["--rootless=auto"]]) {
        const id = box.name();
        await box.ok(["create", "--bundle", bundle, id]);
        const started = await box.call(["start", id], { globals });
        expect(started.code).toBe(1);
        expect(started.stderr).toContain('exec: "/bin/broken": exec format error');
        await box.untilStatus(id, "stopped");
        await box.ok(["delete", id]);
      }
    });

    test("a create that fails after hooks have begun runs the poststop hooks", async () => {
      await using box = new Sandbox(subject);
      const failures: [string, Record<string, TestHook[]>, string[]][] = [
        ["prestart", { prestart: [hook("exit 1")] }, []],
        ["createRuntime", { createRuntime: [hook("exit 0"), hook("exit 1")] }, []],
        ["createContainer", { createContainer: [hook("exit 1")] }, []],
        ["pid file", { createRuntime: [hook("exit 0")] }, ["--pid-file", `${box.dir}/none/pid`]],
      ];
      for (const command of ["create", "run"]) {
        for (const [name, hooks, flags] of failures) {
          // runc writes the pid file later than it looks whether it can.
          if (name === "pid file" && subject.runtime !== "brun") continue;
          const id = box.name();
          const poststop = [hook(`cat >${box.dir}/${id}.json`)];
          const bundle = box.bundle(withLog(box, { ...hooks, poststop }));
          const outcome = await box.call([command, ...flags, "--bundle", bundle, id]);
          expect(`${command}, ${name}: ${outcome.code}`).not.toBe(`${command}, ${name}: 0`);
          await box.untilGone(id);
          expect(`${name}: ${existsSync(`${box.dir}/${id}.json`)}`).toBe(`${name}: true`);
          expect(JSON.parse(readFileSync(`${box.dir}/${id}.json`, "utf8"))).toMatchObject({ id });
        }
      }
    });

    test("before a hook has begun to run none is run after it", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.hooks = { createRuntime: [hook("exit 0")], poststop: [hook(`touch ${box.dir}/ran`)] };
        spec.mounts.push({ destination: "/x", type: "bind", source: `${box.dir}/none`, options: ["bind"] });
      });
      const id = box.name();
      expect((await box.call(["create", "--bundle", bundle, id])).code).not.toBe(0);
      if (subject.runtime === "brun") expect(existsSync(`${box.dir}/ran`)).toBe(false);
    });

    // The spec leaves it open. As with runc: those of the runtime in the bundle; createContainer hooks in the root file system,
    // as it is mounted (prepareRootfs changes to it before it runs them); startContainer hooks where the program will be.
    // With crun createContainer hooks are in the bundle as well.
    test("hooks of the runtime run in the bundle, those of the container in its root, and what hooks write is not the container's", async () => {
      await using box = new Sandbox(subject);
      const hooks = Object.fromEntries(
        KINDS.map((kind) => {
          const dir = kind === "startContainer" ? "/log" : box.dir;
          return [kind, [hook(`pwd >${dir}/${kind}; echo ${kind}; echo ${kind} >&2`)]];
        }),
      );
      const bundle = box.bundle((spec) => {
        withLog(box, hooks)(spec);
        spec.process.args = ["/bin/echo", "mine"];
        spec.process.cwd = "/tmp";
      });
      const outcome = await box.call(["run", "--bundle", bundle, box.name()]);
      if (subject.runtime === "brun") {
        expect(outcome).toMatchObject({ code: 0, stdout: "mine\n", stderr: "" });
      }
      const places = {
        ...{ prestart: bundle, createRuntime: bundle, poststart: bundle, poststop: bundle },
        createContainer: subject.runtime === "crun" ? bundle : `${bundle}/rootfs`,
      };
      for (const [kind, place] of Object.entries(places))
        expect(`${kind}: ${readFileSync(`${box.dir}/${kind}`, "utf8").trim()}`).toBe(`${kind}: ${place}`);
      expect(readFileSync(`${box.dir}/startContainer`, "utf8").trim()).toBe("/tmp");
    });

    test("a failing hook inside the container is told with what it wrote", async () => {
      if (subject.runtime !== "brun") return;
      await using box = new Sandbox(subject);
      for (const kind of ["createContainer", "startContainer"]) {
        const outcome = await box.sh(
          "echo ran",
          withLog(box, { [kind]: [hook("echo what it is >&2; exit 4")] }),
        );
        expect(outcome).toMatchObject({
          code: 1,
          stdout: "",
          stderr: `brun: hooks.${kind}[0]: the hook /bin/sh exited with status 4: what it is\n`,
        });
      }
    });

    test("state says creating for as long as a container is being made", async () => {
      if (subject.runtime !== "brun") return;
      await using box = new Sandbox(subject);
      const id = box.name();
      const bundle = box.bundle((spec) => {
        spec.hooks = { createRuntime: [hook(`echo $$ >${box.dir}/pid; sleep 1`)] };
      });
      const creating = box.spawn(["create", "--bundle", bundle, id]);
      const seen = new Set<string>();
      await until("the hook has begun", async () => {
        const { code, stdout, stderr } = await box.call(["state", id]);
        seen.add(code === 0 ? JSON.parse(stdout).status : stderr.replace(id, "ID"));
        return existsSync(`${box.dir}/pid`);
      });
      const state = await box.inspect(id);
      expect(state.status).toBe("creating");
      expect(state.pid).toBeGreaterThan(0);
      expect(await box.ok(["list"])).toContain("creating");
      expect((await box.call(["kill", id, "TERM"])).stderr).toContain("still being made");
      expect((await creating.done).code).toBe(0);
      expect((await box.inspect(id)).status).toBe("created");
      expect([...seen].filter((status) => !/^creating$|does not exist|is not complete/.test(status))).toEqual(
        [],
      );
      await box.ok(["delete", "--force", id]);
    });

    test("a hook that hangs is killed after its timeout, with its children", async () => {
      await using box = new Sandbox(subject);
      const id = box.name();
      // runc and crun kill the hook alone.
      const hang = subject.runtime === "brun" ? "sleep 1234; :" : "exec sleep 1234";
      const hooks = { createRuntime: [hook(`echo $$ >${box.dir}/pid; ${hang}`, { timeout: 1 })] };
      const began = performance.now();
      const outcome = await box.call(["run", "--bundle", box.bundle(withLog(box, hooks)), id]);
      expect(outcome.code).not.toBe(0);
      expect(performance.now() - began).toBeLessThan(8000);
      const pid = readFileSync(`${box.dir}/pid`, "utf8").trim();
      expect(existsSync(`/proc/${pid}`)).toBe(false);
      if (subject.runtime === "brun") expect(outcome.stderr).toMatch(/time/);
      await box.untilGone(id);
    });

    test("a hook that cannot be executed is named", async () => {
      await using box = new Sandbox(subject);
      const id = box.name();
      const bundle = box.bundle(withLog(box, { createRuntime: [{ path: "/no/such/hook" }] }));
      const outcome = await box.call(["create", "--bundle", bundle, id]);
      expect(outcome.code).not.toBe(0);
      expect(outcome.stderr).toContain("/no/such/hook");
      await box.untilGone(id);
    });
  });
}
