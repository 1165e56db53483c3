/** brun killed with SIGKILL at any moment: `delete --force` then leaves nothing. */
import { describe, expect, test } from "bun:test";
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { processesOf, until } from "./support/processes.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { mapManyIds } from "./support/spec.ts";

/** How often a command is killed, at moments spread over the time that it takes. */
const TRIES = Number(process.env.BRUN_CRASHES ?? 16);

for (const subject of subjects(["brun"])) {
  describe(subject.label, () => {
    for (const many of [false, true]) {
      for (const command of ["create", "run"]) {
        test(`${command} killed at ${TRIES} moments, ${many ? "65,536 ids" : "default ids"}`, async () => {
          await using box = new Sandbox(subject);
          const bundle = box.bundle((spec) => {
            spec.process.args = ["/bin/sleep", "1000"];
            if (many) mapManyIds(spec, subject.caller);
          });
          const began = performance.now();
          const whole = box.name();
          await box.ok(["create", "--bundle", bundle, whole]);
          const duration = performance.now() - began;
          await box.ok(["delete", "--force", whole]);
          for (let i = 0; i < TRIES; i++) {
            const id = box.name();
            const running = box.spawn([command, "--bundle", bundle, id]);
            const delay = (duration * 1.5 * i) / TRIES;
            await Bun.sleep(delay);
            running.kill("SIGKILL");
            await running.done;
            const deleted = await box.call(["delete", "--force", id]);
            expect(`killed after ${delay.toFixed(1)} ms: ${deleted.code} ${deleted.stderr}`).toEndWith(
              ": 0 ",
            );
            await box.untilGone(id);
            // The id is free again.
            expect((await box.call(["state", id])).code).toBe(1);
          }
          expect(await box.ok(["list", "--quiet"])).toBe("");
        }, 120000);
      }
    }

    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
      test(`${signal} while creating: finished or undone, then it ends by it`, async () => {
        await using box = new Sandbox(subject);
        const sh = (script: string) => ({ path: "/bin/sh", args: ["sh", "-c", script] });
        const id = `$(sed 's/.*"id":"\\([^"]*\\)".*/\\1/')`;
        const note = (what: string) => sh(`echo "${id} ${what}" >>${box.dir}/log`);
        const pause = sh("sleep 0.02");
        const bundle = box.bundle((spec) => {
          spec.process.args = ["/bin/sleep", "1000"];
          spec.hooks = { createRuntime: [note("up"), pause], poststop: [note("down")] };
        });
        for (const args of [["create"], ["run", "--detach"]]) {
          for (let i = 0; i < TRIES; i++) {
            const id = box.name();
            const running = box.spawn([...args, "--bundle", bundle, id]);
            await Bun.sleep((100 * i) / TRIES);
            running.kill(signal);
            const { code, signal: by, stderr } = await running.done;
            if (code === 0) await box.ok(["delete", "--force", id]);
            else
              expect(`${by}: ${stderr}`).toMatch(
                new RegExp(`^${signal}: (brun: ended by ${signal}: .*\n)?$`),
              );
            if (box.known(id)) await box.ok(["delete", "--force", id]);
            await box.untilGone(id);
          }
        }
        const log = existsSync(`${box.dir}/log`) ? readFileSync(`${box.dir}/log`, "utf8").split("\n") : [];
        const noted = (what: string) =>
          log.filter((line) => line.endsWith(` ${what}`)).map((line) => line.split(" ")[0]);
        expect(noted("up").length).toBeGreaterThan(0);
        // A hook that was ended before it came to anything has its poststop hooks as well.
        expect(noted("up").filter((id) => !noted("down").includes(id))).toEqual([]);
      }, 120000);
    }

    test("a hook that hangs ends with brun, and its id is free again", async () => {
      await using box = new Sandbox(subject);
      const hang = (kind: string) => ({
        [kind]: [{ path: "/bin/sh", args: ["sh", "-c", `touch ${box.dir}/${kind}; exec sleep 1234`] }],
      });
      const bind = { destination: box.dir, type: "bind", source: box.dir, options: ["rbind", "rw"] };
      for (const kind of ["prestart", "createRuntime", "createContainer", "startContainer", "poststart"]) {
        const bundle = box.bundle((spec) => {
          spec.process.args = ["/bin/sleep", "1000"];
          spec.mounts.push(bind);
          spec.hooks = hang(kind);
        });
        const id = box.name();
        for (const signal of ["SIGTERM", "SIGKILL"] as const) {
          rmSync(`${box.dir}/${kind}`, { force: true });
          const running = box.spawn(["run", "--bundle", bundle, id]);
          await until(`the ${kind} hook`, () => existsSync(`${box.dir}/${kind}`));
          running.kill(signal);
          expect(`${kind}: ${(await running.done).signal}`).toBe(`${kind}: ${signal}`);
          if (signal === "SIGKILL") await box.ok(["delete", "--force", id]);
          await box.untilGone(id);
        }
      }
    });

    test("delete --force after brun was killed in a hook runs the poststop hooks", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.hooks = {
          createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", `touch ${box.dir}/up; exec sleep 1234`] }],
          poststop: [{ path: "/bin/sh", args: ["sh", "-c", `touch ${box.dir}/down`] }],
        };
      });
      const id = box.name();
      const running = box.spawn(["create", "--bundle", bundle, id]);
      await until("the hook", () => existsSync(`${box.dir}/up`));
      running.kill("SIGKILL");
      await running.done;
      expect((await box.inspect(id)).status).toBe("stopped");
      await box.ok(["delete", "--force", id]);
      expect(existsSync(`${box.dir}/down`)).toBe(true);
      await box.untilGone(id);
    });

    test("what a killed brun has left is told by list", async () => {
      await using box = new Sandbox(subject);
      mkdirSync(`${box.state}/left`, { recursive: true });
      chownSync(box.state, subject.caller.uid, subject.caller.gid);
      chownSync(`${box.state}/left`, subject.caller.uid, subject.caller.gid);
      const { stdout, stderr } = await box.call(["list", "--quiet"]);
      expect(stdout).toBe("");
      expect(stderr).toBe(
        "brun: warning: container left is not complete: the brun that made it was killed; `brun delete --force left` removes it\n",
      );
      await box.ok(["delete", "--force", "left"]);
    });

    test("a run by a cached plan ends by the signal that comes while it makes the container, or has it", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.args = [
          "/bin/sh",
          "-c",
          "trap 'exit 9' TERM; echo up; while :; do sleep 1000 & wait $!; done",
        ];
      });
      const first = box.spawn(["run", "--bundle", bundle, box.name()]);
      await until("the container", () => first.stdout() === "up\n");
      first.kill("SIGTERM");
      expect((await first.done).code).toBe(9);
      for (let i = 0; i < 2 * TRIES; i++) {
        const id = box.name();
        const running = box.spawn(["run", "--bundle", bundle, id]);
        await Bun.sleep((12 * i) / TRIES);
        running.kill("SIGTERM");
        const timer = setTimeout(() => running.kill("SIGKILL"), 5000);
        const { code, signal } = await running.done;
        clearTimeout(timer);
        // A shell that has no handler yet, as process 1, does not hear the signal.
        if (signal !== "SIGKILL") expect(`${code} ${signal}`).toMatch(/^(9 null|null SIGTERM)$/);
        else await box.ok(["delete", "--force", id]);
        await box.untilGone(id);
        expect(box.known(id)).toBe(false);
      }
    }, 120000);

    test("exec ended by a signal leaves nothing in the container", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      for (const globals of [[], ["--rootless=auto"]]) {
        for (let i = 0; i < TRIES; i++) {
          const running = box.spawn(["exec", id, "/bin/sleep", "4321"], { globals });
          await Bun.sleep((60 * i) / TRIES);
          running.kill("SIGTERM");
          await running.done;
        }
      }
      await until("only the container's process is left", () =>
        processesOf(box.dir).every(({ command }) => !command.includes("4321")),
      );
      await box.ok(["delete", "--force", id]);
    }, 60000);

    test("start, kill, delete and exec killed at once do no harm", async () => {
      await using box = new Sandbox(subject);
      const id = box.name();
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sleep", "1000"];
      });
      await box.ok(["create", "--bundle", bundle, id]);
      for (const args of [
        ["start", id],
        ["exec", id, "/bin/sleep", "1000"],
        ["kill", id, "0"],
        ["delete", "--force", id],
      ]) {
        for (const delay of [0, 3, 6, 12, 25]) {
          const running = box.spawn(args);
          await Bun.sleep(delay);
          running.kill("SIGKILL");
          await running.done;
        }
      }
      expect((await box.call(["delete", "--force", id])).code).toBe(0);
      await box.untilGone(id);
    });

    test("the foreground brun killed: the container goes on or ends, and can be deleted", async () => {
      await using box = new Sandbox(subject);
      const id = box.name();
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sh", "-c", "echo up; exec sleep 1000"];
      });
      const running = box.spawn(["run", "--bundle", bundle, id]);
      await until("the container", () => running.stdout() === "up\n");
      running.kill("SIGKILL");
      await running.done;
      expect((await box.inspect(id)).status).toMatch(/^(running|stopped)$/);
      await box.ok(["delete", "--force", id]);
      await box.untilGone(id);
    });
  });
}
