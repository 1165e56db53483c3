/** The caller's session keyring, and the container's own (session-keyring(7)). */
import { describe, expect, test } from "bun:test";
import { subordinateRange } from "../support/caller.ts";
import { until } from "../support/processes.ts";
import { subjects } from "../support/runtime.ts";
import { type Outcome, Sandbox } from "../support/sandbox.ts";
import { mapManyIds, type TestSpec } from "../support/spec.ts";
import { attacker, install } from "./support.ts";

const ENOKEY = 126;
const EDQUOT = 122;
/** Of whose keys other tests do not take any. */
const APART = 40_000;

for (const subject of subjects()) {
  const { caller } = subject;
  const own = subject.runtime === "brun";

  /** Calls the runtime with a key in the caller's session keyring. */
  function withKey(box: Sandbox, args: readonly string[]): Pick<Outcome, "code" | "stdout" | "stderr"> {
    const { prefix } = caller;
    const argv = [
      ...prefix,
      attacker("probe"),
      "add",
      "brun-test",
      "/usr/bin/env",
      ...box.argv(args).slice(prefix.length),
    ];
    const { exitCode, stdout, stderr } = Bun.spawnSync(argv, { env: box.env });
    return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  }

  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    test("the caller's keys stay outside", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/probe", "key", "brun-test"];
      });
      install(box, bundle, "probe");
      const run = (...flags: string[]) =>
        withKey(box, ["run", ...flags, "--bundle", bundle, box.name()]).stdout;
      expect(run()).toBe(`key: ${ENOKEY}\n`);
      // In the caller's own session keyring it is found.
      expect(run("--no-new-keyring")).toBe("key: 0\n");
    });

    test("also where there is no room for a further keyring: run and exec fail, and name the quota", async () => {
      await using box = new Sandbox(subject);
      const first = caller.uid === 0 ? 100_000 : subordinateRange(caller, "/etc/subuid")[0];
      const map = (spec: TestSpec): void => {
        mapManyIds(spec, caller);
        spec.linux.uidMappings = [{ containerID: 0, hostID: first + APART, size: 1000 }];
      };
      const bundles = [["key", "brun-test"], ["fill"]].map((args) => {
        const bundle = box.bundle((spec) => {
          map(spec);
          spec.process.args = ["/bin/probe", ...args];
        });
        install(box, bundle, "probe");
        return bundle;
      });
      const run = (...flags: string[]) =>
        withKey(box, ["run", ...flags, "--bundle", bundles[0]!, box.name()]);
      // The second one is by a cached plan.
      for (const _ of [1, 2]) expect(run()).toMatchObject({ code: 0, stdout: `key: ${ENOKEY}\n` });
      const id = box.name();
      const filler = box.spawn(["run", "--bundle", bundles[1]!, id]);
      await until("the quota to be spent", () => filler.stdout() !== "");
      expect(filler.stdout()).toBe(`full: ${EDQUOT}\n`);
      for (const outcome of [run(), withKey(box, ["exec", id, "/bin/probe", "key", "brun-test"])]) {
        expect(outcome.stdout).toBe("");
        expect(outcome.stderr).toContain("quota");
        expect(outcome.code).not.toBe(0);
        if (!own) continue;
        expect(outcome.stderr).toStartWith(
          "brun: --no-new-keyring: cannot join a new session keyring: disk quota exceeded (EDQUOT); hint: each container",
        );
      }
      expect(run("--no-new-keyring")).toMatchObject({ code: 0, stdout: "key: 0\n" });
      await box.ok(["kill", id, "KILL"]);
      await filler.done;
      expect(run()).toMatchObject({ code: 0, stdout: `key: ${ENOKEY}\n` });
    });

    // crun's and runc's have the container's name.
    test.skipIf(!own)(
      "a keyring that a process has made under the container's name is not taken",
      async () => {
        await using box = new Sandbox(subject);
        const id = box.name();
        const bundle = box.bundle((spec) => {
          spec.process.args = ["/bin/probe", "plant", `_ses.${id}`];
        });
        install(box, bundle, "probe");
        const running = box.spawn(["run", "--bundle", bundle, id]);
        await until("the keyring", () => running.stdout() !== "");
        expect(running.stdout()).toBe("plant: 0\n");
        expect(await box.ok(["exec", id, "/bin/probe", "session"])).toBe("_ses\n");
        const next = box.bundle((spec) => {
          spec.process.args = ["/bin/probe", "session"];
        });
        install(box, next, "probe");
        await box.ok(["kill", id, "KILL"]);
        await running.done;
        expect(await box.ok(["run", "--bundle", next, id])).toBe("_ses\n");
      },
    );
  });
}
