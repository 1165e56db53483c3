/** The TypeScript API in each version of Node that the package promises, from npm's registry. */
import { describe, expect, test } from "bun:test";
import { expectScenario, runProgram } from "./api/programs.ts";
import { host } from "./support/caller.ts";
import { nodeOf } from "./support/node.ts";
import { makeRootfs } from "./support/rootfs.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { brunPath } from "./support/workspace.ts";

const wanted = process.env.BRUN_BUILDS === "full";

for (const subject of subjects(["brun"])) {
  describe.if(wanted)(`${subject.label} from Node`, () => {
    for (const major of [18, 20, 22]) {
      test(`${major}: everything that the API has`, async () => {
        await using box = new Sandbox(subject);
        const node = nodeOf(major);
        expect(host(node, "--version")).toStartWith(`v${major}.`);
        const rootfs = makeRootfs(`${box.dir}/rootfs`, subject.caller);
        const args = [brunPath(), box.state, rootfs];
        const path = "test/api/scenario.ts";
        const { code, stdout, stderr } = await runProgram({ node }, subject.caller, box, path, args);
        expect(stderr).not.toContain("error: ");
        expect(code).toBe(0);
        expectScenario(JSON.parse(stdout), rootfs);
      }, 180_000);
    }
  });
}
