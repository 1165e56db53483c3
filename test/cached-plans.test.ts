/**
 * Anything may change between two runs of a bundle: the second is what a brun without a cache makes of it. What changes is
 * chosen by chance: 40 changes, or as many as BRUN_CACHED_CHANGES says; BRUN_CACHED_SEED repeats them.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { CHANGES, World } from "./support/changing-world.ts";
import { type Subject, subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";

const COUNT = Number(process.env.BRUN_CACHED_CHANGES ?? 40);
const SEED = Number(process.env.BRUN_CACHED_SEED ?? Date.now() % 100000);
/** Changes of one world: what has changed before is still so. */
const EACH = 40;
const users: Subject[] = subjects(["brun"]).filter(({ caller }) => caller.uid !== 0);

const changes = fc.array(fc.tuple(fc.nat(CHANGES - 1), fc.nat(5)), { minLength: EACH, maxLength: EACH });

for (const subject of users) {
  describe(subject.label, () => {
    test(
      `${COUNT} changes of the machine between two runs (seed ${SEED})`,
      async () => {
        let used = 0;
        const property = fc.asyncProperty(changes, async (list) => {
          await using box = new Sandbox(subject);
          const world = new World(box);
          world.run(false);
          for (const [which, value] of list) {
            const change = world.change(which, value);
            const { cached, ...mine } = world.run(false);
            const { cached: _, ...bun } = world.run(true);
            expect({ change, state: world.state(), ...mine }).toEqual({
              change,
              state: world.state(),
              ...bun,
            });
            if (cached && mine.code !== null && mine.stderr === "") used += 1;
          }
        });
        // The state is told: a smaller one would take as long as all of it to be found.
        await fc.assert(property, { seed: SEED, numRuns: Math.ceil(COUNT / EACH), endOnFailure: true });
        // Some runs are by a cached plan, or nothing would have been compared.
        expect(used).toBeGreaterThan(0);
        if (process.env.BRUN_CACHED_CHANGES !== undefined) console.log(`${used} runs by a cached plan`);
      },
      60_000 + COUNT * 5000,
    );
  });
}
