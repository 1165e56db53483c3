/** A process that joins namespaces stays undumpable until execve, whatever fs.suid_dumpable says (CVE-2016-9962). */
import { expect, test } from "bun:test";
import type { Program } from "../plan/program.ts";
import { CLONE } from "../sys/constants.ts";
import { recordedPrograms } from "./standard.ts";
import { configFor, goldenCases, plain } from "./testing/golden.ts";

const CHANGES = new Set(["setresgid", "setresuid", "setns"]);

/** For each change of ids: whether the next operation hides the process again. */
function hiddenAgain(programs: readonly Program[]): boolean[] {
  const ops = programs.flatMap((program) => program.ops);
  return ops.flatMap(({ name }, i) => {
    if (!CHANGES.has(name)) return [];
    const next = ops[i + 1];
    return [next?.name === "prctl" && next.args[0] === 4 && next.args[1] === 0];
  });
}

test("exec hides again after each change of its ids or user namespace", () => {
  const programs = goldenCases.find(({ name }) => name === "exec")!.programs();
  // The container's namespaces, root of the user namespace, the process's user.
  expect(hiddenAgain(programs)).toEqual([true, true, true, true, true]);
});

for (const [type, flag] of [
  ["user", CLONE.NEWUSER],
  ["pid", CLONE.NEWPID],
] as const) {
  test(`so does a container that joins a ${type} namespace`, () => {
    const joins = [{ flag, path: `/proc/1/ns/${type}`, where: "linux.namespaces[0]" }];
    const config = configFor(plain(true), { extra: { joins } });
    const found = hiddenAgain(recordedPrograms(config, null));
    // Joining a pid namespace changes nothing.
    expect(found.slice(flag === CLONE.NEWPID ? -2 : 0).every(Boolean)).toBe(true);
    expect(found.length).toBeGreaterThanOrEqual(4);
  });
}
