/** The TypeScript API on programs without containers. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { type Engine, runProgram } from "./api/programs.ts";
import { ownedDir } from "./support/caller.ts";
import { ownNode } from "./support/node.ts";
import { until } from "./support/processes.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";

for (const subject of subjects(["brun"])) {
  const { caller } = subject;
  // Each caller has the engine that the other one does not have.
  const isNode = caller.name === "user" && Bun.which("node") !== null;

  describe(subject.label, () => {
    test("confine: output, signals, aborts, ports, errors, and the end of its program", async () => {
      const engine: Engine = isNode ? { node: ownNode()! } : "bun";
      await using box = new Sandbox(subject);
      const dir = ownedDir(caller, `${ownedDir(caller, `${box.dir}/home`)}/project`);
      box.file("home/.netrc", "the key\n");
      const { code, stdout, stderr } = await runProgram(engine, caller, box, "test/api/confine.ts", [dir]);
      expect([code, stderr]).toEqual([0, ""]);
      const { left, output, ...seen } = JSON.parse(stdout);
      const [[ends, temporary], [stays, other]] = left;
      {
        using _ = { [Symbol.dispose]: () => process.kill(Number(stays), "SIGKILL") };
        expect(output).toMatchObject({ exitCode: 3, stdout: "in\nhidden\n" });
        expect(output.stderr).toContain("../outside");
        expect(readFileSync(`${dir}/out`, "utf8")).toBe("out\n");
        expect(seen).toEqual(SEEN);
        expect(basename(temporary)).toStartWith("brun-landlock-");
        await until("it has ended", () => !existsSync(`/proc/${ends}`) && !existsSync(temporary));
        expect([existsSync(`/proc/${stays}`), existsSync(other)]).toEqual([true, true]);
      }
      await until("temporary files have gone", () => !existsSync(other));
    }, 60_000);
  });
}

/** What test/api/confine.ts sees, besides an output and the programs that it leaves. */
const SEEN = {
  signalled: 143,
  piped: "word\n",
  killed: 137,
  late: ["ERR_TIMEOUT", "begun\n"],
  lateStays: ["ERR_TIMEOUT", "begun\n"],
  connected: [0, 1, 1, 1],
  notFound: ["ENOENT", 'exec: "no-such-program": executable file not found in $PATH', ""],
  broken: ["ENOEXEC", expect.stringMatching(/^cannot execute .*\/broken: exec format error$/), ""],
  noPort: ["ERR_USAGE", "connectPort x is no port", "connectPort x"],
  memory: ["ERR_USAGE", "memory: it does not go with landlock, where there is no container", "memory"],
  warnings: [],
};
