/** The TypeScript API on a network by name: events as they happen, and names that a callback allows. BRUN_NETWORK=full: fifty at once. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { runProgram } from "./api/programs.ts";
import { isRoot, ownedDir, testUser } from "./support/caller.ts";
import { Network } from "./support/network.ts";
import { ownNode } from "./support/node.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { boxDir } from "./support/workspace.ts";

const COUNT = process.env.BRUN_NETWORK === "full" ? 50 : 4;

describe.skipIf(!isRoot)("a network by name", () => {
  let network: Network;

  beforeAll(async () => {
    network = await Network.make(boxDir(testUser()));
  });
  afterAll(async () => {
    await network?.[Symbol.asyncDispose]();
  });

  for (const subject of subjects(["brun"])) {
    const { caller } = subject;

    describe(subject.label, () => {
      test("events while the program runs, bytes, names that are allowed on the spot, an abort, many at once", async () => {
        await using box = new Sandbox(subject);
        const before = network.log;
        const { code, stdout, stderr } = await runProgram(
          // Each of them is heard of by one of the callers.
          caller.uid === 0 && ownNode() !== null ? { node: ownNode()! } : "bun",
          caller,
          box,
          "test/api/network.ts",
          [`${COUNT}`],
          "",
          network,
        );
        expect([code, stderr]).toEqual([0, ""]);
        const { audit, ...seen } = JSON.parse(stdout);
        expect(seen).toEqual({
          events: [
            "200\n000\n",
            "connect allowed good.example 80",
            "connect closed good.example 80",
            "dns refused other.example",
          ],
          ...{ bytes: true, time: true },
          questions: {
            codes: "200 200 200 000 000 000 000 000 000 000 nine",
            asked: [
              ...["good.example null", "a.wild.example null", "other.example null", "private.example null"],
              ...["all.example null", "good.example 81", "good.example 7", "good.example 9"],
            ],
            warnings: ["mayReach: other.example: not today"],
            failed: [
              "dns refused other.example: it is not in the list",
              "dns refused private.example: it leads to 10.77.0.2, a private address: --allow-net-private",
              'list failed all.example: "*" allows everything',
              "dns refused all.example: it is not in the list",
              "connect failed good.example 81: connection refused",
              "connect refused good.example 7: it is not in the list",
              "connect refused 203.0.113.3 80: it is not in the list",
            ],
          },
          ...(caller.uid !== 0 && { slowly: "200\n" }),
          aborted: "ABORT_ERR the program was ended by an AbortSignal: enough",
          errors: [
            "ERR_USAGE onNetwork: it works only with allowNet",
            "ERR_USAGE mayReach: expected a function, but found a boolean",
            "ERR_USAGE no report was asked for",
            "ERR_USAGE allowNet and network host exclude each other",
          ],
          ...{ empty: "lo\n", many: true },
        });
        expect(audit).toEqual([
          [
            { name: "good.example", port: 80, verdict: "allowed", count: 1 },
            { name: "other.example", port: null, verdict: "refused", count: 1 },
          ],
          2,
        ]);
        expect(network.log.slice(before.length)).not.toContain("dns other.example");
      }, 120_000);

      test("examples/api/agent-tool.ts: names are asked for, and events told, while a command runs", async () => {
        await using box = new Sandbox(subject);
        const dir = ownedDir(caller, `${box.dir}/project`);
        const get = (name: string) => `curl -s -m 10 -o /dev/null -w '%{http_code} ' http://${name}.example/`;
        const requests = [
          { reach: "good.example", allow: true },
          { reach: "other.example", allow: false },
          { run: ["sh", "-c", ["good", "other", "six"].map(get).join("; ")] },
          { discard: true },
        ];
        const stdin = requests.map((request) => `${JSON.stringify(request)}\n`).join("");
        const { code, stdout, stderr } = await runProgram(
          ...(["bun", caller, box, "examples/api/agent-tool.ts", [dir], stdin, network] as const),
        );
        expect([code, stderr]).toEqual([0, ""]);
        const lines = stdout
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line));
        const told = lines.flatMap(({ network: event }) => (event ? [`${event.verdict} ${event.name}`] : []));
        expect(told).toContain("allowed good.example");
        expect(told).toContain("refused other.example");
        // Its stdin has ended: there is nobody to ask.
        expect(told).toContain("refused six.example");
        expect(lines.find(({ exitCode }) => exitCode !== undefined)).toEqual({
          ...{ exitCode: 6, stdout: "200 000 000 ", stderr: "", changed: [], programs: 2 },
        });
      });
    });
  }
});
