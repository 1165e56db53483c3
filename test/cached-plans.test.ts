/**
 * Anything may change between two runs of a bundle: the second is what a brun without a cache makes of it. What changes is
 * chosen by chance: 40 changes, or as many as BRUN_CACHED_CHANGES says, of things in test/support/changing-world.ts, and 8 or
 * half as many of those in changing-home.ts for containers without a bundle; BRUN_CACHED_SEED repeats them. With
 * BRUN_CACHED_CHANGES it says how many of the runs were by a cached plan.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { machine } from "./support/cached.ts";
import type { Ran } from "./support/changing.ts";
import { DIRECTORY, HOME_CHANGES, Home } from "./support/changing-home.ts";
import { CHANGES, World } from "./support/changing-world.ts";
import { HAS_FRONT } from "./support/front.ts";
import { type Subject, subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";

const COUNT = Number(process.env.BRUN_CACHED_CHANGES ?? 40);
const SEED = Number(process.env.BRUN_CACHED_SEED ?? Date.now() % 100000);
/** Changes of one world: one in four stays, the others are undone, which is a change as well. */
const EACH = 20;
const users: Subject[] = subjects(["brun"]).filter(({ caller }) => caller.uid !== 0);

const change = fc.record({ which: fc.nat(CHANGES - 1), value: fc.nat(5), stays: fc.nat(3) });
const changes = fc.array(change, { minLength: EACH, maxLength: EACH });

/** Of a home; few in an ordinary run of the tests. */
const EACH_HOME = process.env.BRUN_CACHED_CHANGES === undefined ? 8 : EACH;
/** The current directory changes more often than other things. */
const homeThing = fc.oneof(
  { weight: 2, arbitrary: fc.nat(HOME_CHANGES - 1) },
  { weight: 1, arbitrary: fc.constant(DIRECTORY) },
);
const homeChange = fc.record({ which: homeThing, value: fc.nat(8), stays: fc.nat(3) });
const homeChanges = fc.array(homeChange, { minLength: EACH_HOME, maxLength: EACH_HOME });

/** A run as usual, and one by Bun. They are done again where they differ and others have changed the machine meanwhile. */
function both(run: (bun: boolean) => Ran): [Ran, Ran] {
  for (let tries = 1; ; tries++) {
    const before = machine();
    const [mine, bun] = [run(false), run(true)];
    if (mine.stdout === bun.stdout || before === machine() || tries === 10) return [mine, bun];
  }
}

for (const subject of users) {
  describe.if(HAS_FRONT)(subject.label, () => {
    test(
      `${COUNT} changes of the machine between two runs (seed ${SEED})`,
      async () => {
        let [compared, used] = [0, 0];
        const property = fc.asyncProperty(changes, async (list) => {
          await using box = new Sandbox(subject);
          const world = new World(box);
          world.run(false);
          const compare = (changed: string) => {
            const [{ cached, ...mine }, { cached: _, ...bun }] = both((bun) => world.run(bun));
            const where = { changed, state: world.state() };
            expect({ ...where, ...mine }).toEqual({ ...where, ...bun });
            compared += 1;
            if (cached && mine.code !== null && mine.stderr === "") used += 1;
          };
          compare("nothing");
          for (const { which, value, stays } of list) {
            const before = world.value(which);
            compare(world.change(which, value));
            if (stays !== 0) compare(world.change(which, before));
          }
        });
        // The state is told: a smaller one would take as long as all of it to be found.
        await fc.assert(property, { seed: SEED, numRuns: Math.ceil(COUNT / EACH / 2), endOnFailure: true });
        // Some runs are by a cached plan, or nothing would have been compared.
        expect(used).toBeGreaterThan(0);
        if (process.env.BRUN_CACHED_CHANGES !== undefined)
          console.log(`${used} of ${compared} runs by a cached plan`);
      },
      60_000 + COUNT * 5000,
    );

    test(
      `changes between two runs without a bundle (seed ${SEED})`,
      async () => {
        let [compared, used] = [0, 0];
        const property = fc.asyncProperty(homeChanges, async (list) => {
          await using box = new Sandbox(subject);
          const home = new Home(box);
          const compare = (changed: string) => {
            const where = () => ({ changed, state: home.state(), cached: null });
            const [mine, bun] = both((bun) => home.run(bun));
            expect({ ...mine, ...where() }).toEqual({ ...bun, ...where() });
            compared += 1;
            if (mine.cached && mine.code !== null) used += 1;
          };
          // What brun makes for itself is there from the second run on.
          for (const run of [false, true]) home.run(run);
          compare("nothing");
          for (const { which, value, stays } of list) {
            const before = home.value(which);
            compare(home.change(which, value));
            if (stays !== 0) compare(home.change(which, before));
          }
        });
        const numRuns = Math.ceil(COUNT / EACH / 4);
        await fc.assert(property, { seed: SEED, numRuns, endOnFailure: true });
        expect(used).toBeGreaterThan(0);
        if (process.env.BRUN_CACHED_CHANGES !== undefined)
          console.log(`${used} of ${compared} runs without a bundle by a cached plan`);
      },
      60_000 + COUNT * 5000,
    );
  });
}
