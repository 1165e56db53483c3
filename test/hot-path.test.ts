/**
 * What the hot path leaves out: JavaScript that is compiled at run time. All of brun comes with its bytecode, but
 * many of the engine's own functions (filter, at, reduce, an iterator's next), every regular expression, and the
 * first use of Math are compiled at their first use, 20 to 300 µs each. The engine reports it; only the few
 * lines around the entry point, which Bun itself writes, are left.
 */
import { describe, expect, test } from "bun:test";
import { HAS_FRONT } from "./support/front.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { mapManyIds, type TestSpec } from "./support/spec.ts";

const REPORT = {
  BUN_JSC_reportBytecodeCompileTimes: "1",
  BUN_JSC_logJIT: "1",
  BUN_JSC_dumpGeneratedBytecodes: "1",
};

/** A global flag that changes nothing, and that the front (nsenter/front) does not know: it leaves these to Bun. */
const BY_BUN = { globals: ["--rootless=auto"] };

/** Functions compiled at run time besides Bun's own entry, and regular expressions. */
function compiled(output: string): string[] {
  const lines = output.split("\n");
  const found: string[] = [];
  let entry = true;
  for (const [i, line] of lines.entries()) {
    if (/^Generated JIT code.*regular expression/.test(line)) found.push("a regular expression");
    if (/^Generated JIT code.*thunk for sqrt/.test(line)) found.push("Math");
    if (!/^Compiled \S+ into bytecode/.test(line)) continue;
    const next = lines.slice(i + 1).find((l) => /^\S.*: \d+ instructions/.test(l)) ?? "";
    if (!entry) found.push(next.slice(0, next.indexOf("#")));
    entry = false;
  }
  expect(entry).toBe(false); // the engine has said something
  return found;
}

const ids: readonly (readonly [string, (spec: TestSpec, subject: Sandbox) => void])[] = [
  ["one id", () => undefined],
  ["65,536 ids", (spec, box) => mapManyIds(spec, box.subject.caller)],
];

// Root's containers have cgroups of their own, whose code is loaded and compiled when it is wanted.
for (const subject of subjects(["brun"]).filter(({ caller }) => caller.uid !== 0)) {
  describe.if(HAS_FRONT)(subject.label, () => {
    test.each(ids)("run with %s compiles nothing", async (_, edit) => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/true"];
        edit(spec, box);
      });
      const { stderr, code } = await box.call(["run", "--bundle", bundle, box.name()], { env: REPORT });
      expect(code).toBe(0);
      expect(compiled(stderr)).toEqual([]);
    });

    test("create, state, start, exec, kill and delete compile nothing", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sleep", "1000"];
      });
      const id = box.name();
      for (const args of [
        ["create", "--bundle", bundle, id],
        ["state", id],
        ["start", id],
        ["exec", id, "/bin/true"],
        ["kill", id, "KILL"],
      ]) {
        const { stderr, stdout, code } = await box.call(args, { env: REPORT, ...BY_BUN });
        expect([args[0], code]).toEqual([args[0], 0]);
        expect([args[0], ...compiled(stderr + stdout)]).toEqual([args[0]]);
      }
      await box.untilStatus(id, "stopped");
      const { stderr, code } = await box.call(["delete", id], { env: REPORT, ...BY_BUN });
      expect(code).toBe(0);
      expect(compiled(stderr)).toEqual([]);
    });
  });
}
