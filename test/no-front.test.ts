/**
 * brun without the front: built so (scripts/build.sh --no-front), and with BRUN_FRONT=off in the environment. Bun does all
 * commands then, with the same results. `npm run test:no-front` has the build pass all tests.
 */
import { beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { host } from "./support/caller.ts";
import { BY_BUN, call, created, front, HAS_FRONT } from "./support/front.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { workspace } from "./support/workspace.ts";

const ROOT = `${import.meta.dir}/..`;
const BUILD = "brun-no-front";
const OFF = { env: { BRUN_FRONT: "off" } };

for (const subject of subjects(["brun"])) {
  describe.if(HAS_FRONT)(`BRUN_FRONT=off, ${subject.label}`, () => {
    test("what has a plan in a file is done by Bun, and with the same result", async () => {
      await using box = new Sandbox(subject);
      const id = await created(box);
      const same = async (...args: string[]) => {
        const done = await call(box, args, OFF);
        expect({ args, bun: done.bun, code: done.code }).toEqual({ args, bun: true, code: 0 });
      };
      const { stdout } = await front(box, ["state", id]);
      expect(await box.ok(["state", id], OFF)).toBe(stdout);
      await same("state", id);
      await same("start", id);
      await same("exec", id, "/bin/true");
      await same("kill", id, "KILL");
      await box.untilStatus(id, "stopped");
      await same("delete", id);
      expect(box.known(id)).toBe(false);
    });

    test("it is only that word", async () => {
      await using box = new Sandbox(subject);
      const id = await created(box);
      await front(box, ["state", id], { env: { BRUN_FRONT: "" } });
      await front(box, ["state", id], { env: { BRUN_FRONT: "on" } });
      await box.ok(["delete", "--force", id], BY_BUN);
    });
  });
}

describe.if(HAS_FRONT)("a build without the front", () => {
  const brun = `${workspace()}/${BUILD}`;

  beforeAll(() => {
    host("sh", `${ROOT}/scripts/build.sh`, "--no-front");
    copyFileSync(`${ROOT}/dist/${BUILD}`, brun);
  }, 120_000);

  for (const subject of subjects(["brun"])) {
    test(`a container's life, ${subject.label}`, async () => {
      await using box = new Sandbox({ ...subject, program: brun });
      const id = box.name();
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sleep", "1000"];
      });
      await box.ok(["create", "--bundle", bundle, id]);
      await box.ok(["start", id]);
      expect(await box.ok(["exec", id, "/bin/echo", "größe"])).toBe("größe\n");
      expect(JSON.parse(await box.ok(["state", id])).status).toBe("running");
      await box.ok(["kill", id, "KILL"]);
      await box.untilStatus(id, "stopped");
      await box.ok(["delete", id]);
      const failing = box.bundle((spec) => {
        spec.process.args = ["/bin/sh", "-c", "exit 3"];
      });
      expect((await box.call(["run", "--bundle", failing, box.name()])).code).toBe(3);
    });
  }
});
