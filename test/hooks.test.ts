/** The six kinds of hooks: when and where they run, what they are given, and what follows when they fail. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
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
          await box.call(["start", id]);
          if (subject.runtime === "brun") await box.untilStatus(id, "stopped");
          await box.ok(["delete", "--force", id]);
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
      await box.untilStatus(id, "stopped");
      await box.ok(["delete", id]);
      expect(readFileSync(`${box.dir}/log`, "utf8")).toBe("stopped\nstopped\n");
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
