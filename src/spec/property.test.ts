import { expect, test } from "bun:test";
import fc from "fast-check";
import { safeParse } from "valibot";
import { BrunError } from "../errors.ts";
import { recordedPrograms } from "../init/standard.ts";
import { configFor } from "../init/testing/golden.ts";
import { fitsSpec } from "./fits.gen.ts";
import { parseProcess, parseSpec } from "./index.ts";
import { dropNulls } from "./issues.ts";
import { parseJson, toJson } from "./json.ts";
import type { SchemaNode } from "./schema-node.ts";
import { type Spec, SpecSchema } from "./spec.ts";
import { fullSpec } from "./testing/full.ts";
import { places } from "./testing/paths.ts";
import { validateSpec } from "./validate/spec.ts";

/** A time-out in milliseconds for a busy machine; a second is usual. */
const TIMEOUT = 60_000;

/** Any value: near misses of valid ones, and any JSON. */
const anything = fc.oneof(
  fc.constantFrom<unknown>(null, true, "", "\0", "/", "..", 0, -1, 1.5, 4294967295, 2 ** 53, [], {}, [null]),
  fc.constantFrom<unknown>(["x"], [{}], { x: null }, "SCMP_ACT_NOTIFY", "user", "idmap", "c", "MPOL_BIND"),
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 65n }),
  fc.jsonValue(),
);

/** The text of the full config with some fields replaced or removed. */
const mutated = fc
  .array(
    fc.tuple(
      fc.nat(),
      fc.oneof({ weight: 3, arbitrary: anything }, { weight: 1, arbitrary: fc.constant(undefined) }),
    ),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  .map((changes) => {
    const spec = fullSpec();
    for (const [at, value] of changes) {
      const all = places(spec);
      if (all.length > 0) all[at % all.length]!.set(structuredClone(value));
    }
    return toJson(spec);
  });

/** The full config with characters removed and inserted. */
const damaged = fc
  .tuple(
    fc.nat(),
    fc.nat(20),
    fc.oneof(fc.string({ maxLength: 5 }), fc.constantFrom("{", "}", "[", "]", ",", '"', ":", "1e9")),
  )
  .map(([at, length, insert]) => {
    const text = toJson(fullSpec());
    const start = at % text.length;
    return text.slice(0, start) + insert + text.slice(start + length);
  });

/** The result, or undefined if a BrunError of one line was thrown. */
function oneLine<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    expect(error).toBeInstanceOf(BrunError);
    expect((error as BrunError).text).toMatch(/^[^\n]+$/);
    expect((error as BrunError).message).not.toMatch(/undefined|\[object|\.$/);
    return undefined;
  }
}

test(
  "any changed config is taken, or refused in one line",
  () => {
    fc.assert(
      fc.property(mutated, fc.boolean(), (text, addsUserNamespace) => {
        oneLine(() => parseSpec(text, "file", { addsUserNamespace }));
      }),
      { numRuns: 1000 },
    );
  },
  TIMEOUT,
);

test(
  "any damaged config is taken, or refused in one line",
  () => {
    fc.assert(
      fc.property(damaged, (text) => {
        oneLine(() => parseSpec(text, "file"));
      }),
      { numRuns: 1000 },
    );
  },
  TIMEOUT,
);

test(
  "any JSON or text is taken, or refused in one line",
  () => {
    const text = fc.oneof(fc.json(), fc.string(), fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(text, (t) => {
        oneLine(() => parseSpec(t, "file"));
        oneLine(() => parseProcess(t, "file"));
      }),
      { numRuns: 1000 },
    );
  },
  TIMEOUT,
);

test(
  "whatever is taken becomes a program, or is refused in one line, for a user and for root",
  () => {
    let compiled = 0;
    fc.assert(
      fc.property(mutated, fc.boolean(), fc.boolean(), (text, user, subids) => {
        const spec = oneLine(() => parseSpec(text, "file", { addsUserNamespace: user }).spec);
        if (spec === undefined) return;
        const config = oneLine(() => configFor(spec as Spec, { user, subids }));
        if (config === undefined) return;
        const states = { creating: "{}", created: "{}" };
        for (const { bytes } of recordedPrograms(config, states)) expect(bytes.length).toBeGreaterThan(0);
        compiled += 1;
      }),
      { numRuns: 1000 },
    );
    // Most changes of the full config are refused. Some must be accepted, otherwise the property would check nothing.
    expect(compiled).toBeGreaterThan(20);
  },
  TIMEOUT,
);

test("a config of 1 MB is checked in less than 20 ms", () => {
  const spec = fullSpec();
  const options = ["rbind", "ro", "nosuid", "nodev", "noexec", "rprivate"];
  for (let i = 0; i < 7000; i++) {
    spec.mounts!.push({ destination: `/data/${i}`, type: "bind", source: `/srv/volume-${i}`, options });
  }
  const text = toJson(spec);
  expect(text.length).toBeGreaterThan(1 << 20);
  // Takes the fastest of many runs, since the machine may be busy.
  let fastest = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 50 && fastest >= 20; run++) {
    const value = parseJson(text, "file", true);
    const start = performance.now();
    expect(fitsSpec(value)).toBe(true);
    validateSpec(value as Spec, false);
    fastest = Math.min(fastest, performance.now() - start);
  }
  expect(fastest).toBeLessThan(20);
});

test(
  "the compiled checks and valibot agree, and give the same spec",
  () => {
    fc.assert(
      fc.property(mutated, (text) => {
        const value = parseJson(text, "file", true);
        const copy = parseJson(text, "file", true);
        dropNulls(SpecSchema as unknown as SchemaNode, copy);
        const result = safeParse(SpecSchema, copy);
        expect(fitsSpec(value)).toBe(result.success);
        if (result.success) expect(value).toMatchObject(result.output);
      }),
      { numRuns: 1000 },
    );
  },
  TIMEOUT,
);
