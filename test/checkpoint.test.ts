/** Checkpoint and restore where CRIU is missing, too old, or not to be used. That it works shows `npm run test:vm`. */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { installHint, PACKAGES } from "../src/package-names.ts";
import { isRoot } from "./support/caller.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";

/** A criu that answers each request with a version and ends: criu_resp in the file beside it. */
const ANSWERS = '#!/bin/bash\nexec cat "$0.answer" >&"$2"\n';

/** criu_resp {type: VERSION, success: true, version: {major: 3, minor}}. */
const version = (minor: number): string =>
  String.fromCharCode(0x08, 0x0a, 0x10, 0x01, 0x52, 0x04, 0x08, 0x03, 0x10, minor);

for (const subject of subjects(["brun"])) {
  describe(subject.label, () => {
    const outcomeOf = async (criu: string, answer = "", by = subject) => {
      await using box = new Sandbox(by);
      const id = await box.detached();
      box.file("criu", criu, 0o755);
      box.file("criu.answer", answer);
      const env = { PATH: `${box.dir}:${box.env.PATH}` };
      const images = `${box.dir}/images`;
      const outcome = await box.call(["checkpoint", "--image-path", images, id], { env });
      expect((await box.inspect(id)).status).toBe("running");
      expect(existsSync(images)).toBe(false);
      const restored = await box.call(["restore", "-d", "--image-path", images, "-b", box.bundle(), "new"], {
        env,
      });
      expect({ code: restored.code, stderr: restored.stderr }).toEqual({ code: 1, stderr: outcome.stderr });
      expect(box.known("new")).toBe(false);
      return [outcome.code, outcome.stderr] as const;
    };

    test("an old criu is refused", async () => {
      const [code, stderr] = await outcomeOf(ANSWERS, version(14));
      expect([code, stderr]).toEqual([1, "brun: criu 3.14 is too old; hint: brun needs 3.16 or later\n"]);
    });

    test("a criu that ends without an answer is told of", async () => {
      const [code, stderr] = await outcomeOf("#!/bin/sh\nexit 1\n");
      expect([code, stderr]).toEqual([1, "brun: criu has ended without an answer\n"]);
    });

    if (subject.caller.uid !== 0)
      test("an ordinary user is told to be root", async () => {
        const [code, stderr] = await outcomeOf(ANSWERS, version(17));
        expect([code, stderr]).toEqual([
          1,
          "brun: checkpoint and restore are for root: you have neither root's rights nor CAP_CHECKPOINT_RESTORE; " +
            "hint: call brun as root, for a container that root has made\n",
        ]);
      });

    if (subject.caller.uid !== 0 && isRoot)
      test("a criu that does not make do with CAP_CHECKPOINT_RESTORE", async () => {
        const { uid, gid } = subject.caller;
        const right = ["--inh-caps", "+checkpoint_restore", "--ambient-caps", "+checkpoint_restore"];
        const prefix = [
          "setpriv",
          "--reuid",
          `${uid}`,
          "--regid",
          `${gid}`,
          "--clear-groups",
          ...right,
          "--",
        ];
        const capable = { ...subject, caller: { ...subject.caller, prefix } };
        const [code, stderr] = await outcomeOf(ANSWERS, version(17), capable);
        expect([code, stderr]).toEqual([
          1,
          "brun: checkpoint and restore are for root: criu 3.17 works for root only; 3.18 is the first that needs less; " +
            "hint: call brun as root, for a container that root has made\n",
        ]);
      });

    const present = Bun.which("criu", { PATH: "/usr/local/sbin:/usr/sbin:/sbin" }) !== null;
    test.skipIf(present)("without criu, its package is named", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      const outcome = await box.call(["checkpoint", id], { env: { PATH: "/bin" }, cwd: box.dir });
      expect([outcome.code, outcome.stderr]).toEqual([
        1,
        "brun: criu is not installed, and checkpoint and restore need it; " +
          `hint: ${installHint(PACKAGES.criu)}\n`,
      ]);
    });

    test("a container that does not run cannot be checkpointed", async () => {
      await using box = new Sandbox(subject);
      const id = box.name();
      await box.ok(["create", "--bundle", box.bundle(), id]);
      const outcome = await box.call(["checkpoint", id]);
      expect([outcome.code, outcome.stderr]).toEqual([
        1,
        "brun: container cannot be checkpointed in created state\n",
      ]);
    });
  });
}
