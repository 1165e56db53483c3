/** brun killed with SIGKILL at any moment: `delete --force` then leaves nothing. */
import { describe, expect, test } from "bun:test";
import { until } from "./support/processes.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { mapManyIds } from "./support/spec.ts";

/** How often a command is killed, at moments spread over the time that it takes. */
const TRIES = 30;

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
