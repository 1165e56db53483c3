/** The hooks of `--allow-net`: the front starts the relay and waits for its end, without Bun. */
import { describe, expect, test } from "bun:test";
import { existsSync, symlinkSync } from "node:fs";
import { HAS_FRONT, REPORT } from "./support/front.ts";
import { hasEnded, processesOf, until } from "./support/processes.ts";
import { runtimeArgv, subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";

for (const subject of subjects(["brun"])) {
  describe(subject.label, () => {
    /** Runs a hook as a container does. */
    const hook = (stdin: string, ...words: readonly string[]) => {
      const argv = [...runtimeArgv(subject), "sandbox-hook", ...words];
      const env = { ...REPORT, PATH: process.env.PATH ?? "" };
      const { stdout, stderr, exitCode } = Bun.spawnSync(argv, { stdin: Buffer.from(stdin), env });
      const said = `${stdout}${stderr}`;
      return {
        said: said.replace(/^(Compiled|Total|\s).*\n/gm, ""),
        code: exitCode,
        bun: /^Compiled /m.test(said),
      };
    };

    test("start the relay, and wait for its end, without booting Bun themselves", async () => {
      await using box = new Sandbox(subject);
      const id = box.name();
      const place = ["relay", `${box.state}/@network`, id];
      await box.ok(["run", "--host", "--detach", "--network=none", "--name", id, "--", "sleep", "1000"]);
      const { pid } = await box.inspect(id);
      const state = JSON.stringify({ pid });
      const options = { allow: ["good.example"], allowPrivate: false, sni: false };
      const connect = (more: object) =>
        hook(state, "connect", ...place, JSON.stringify({ ...options, ...more }));

      symlinkSync("elsewhere", `${box.dir}/link`);
      const refused = connect({ log: `${box.dir}/link` });
      expect([refused.said, refused.code]).toEqual([
        `brun: --net-log: ${box.dir}/link cannot be opened: it is a symbolic link; hint: name the file itself\n`,
        1,
      ]);
      const control = `${box.state}/@network/${id}.relay`;
      expect(existsSync(control)).toBe(false);

      const quiet = { said: "", code: 0, bun: !HAS_FRONT };
      expect(connect({})).toEqual(quiet);
      const [relay, ...more] = processesOf(box.dir).filter(({ command }) =>
        command.includes("sandbox-hook relay"),
      );
      expect(more).toEqual([]);
      // The container is still there: the relay is ended.
      expect(hook("{}", "disconnect", ...place)).toEqual(quiet);
      await until("it has ended", () => hasEnded(relay!.pid));
      expect(existsSync(control)).toBe(false);

      expect(connect({})).toEqual(quiet);
      await box.ok(["kill", id, "KILL"]);
      await box.untilStatus(id, "stopped");
      expect(hook("{}", "disconnect", ...place)).toEqual(quiet);
      expect(existsSync(control)).toBe(false);
      await box.ok(["delete", id]);
    });
  });
}
