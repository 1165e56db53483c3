/**
 * A case of the conformance suite: something that a process inside a container, or a hook, observes of a field of
 * config.json. Written against the command line that runc, crun and brun share, so that all of them can be asked.
 */
import type { Subject } from "../support/runtime.ts";
import type { Outcome, Sandbox } from "../support/sandbox.ts";
import type { TestSpec } from "../support/spec.ts";

export interface Case {
  /** What is observed, as a clause. Unique. */
  readonly name: string;
  /** Fields that it is about, as in src/spec/conformance.ts. */
  readonly fields: readonly string[];
  /** Leaves the other caller out: there is no sense in it. */
  readonly only?: "user" | "root";
  /** Why this machine cannot show it, or undefined. */
  readonly lacks?: (subject: Subject) => string | undefined;
  /** Why a runtime ("crun"), or a release of it ("crun 1.8"), does something else, for docs/conformance-results.md; a clause. */
  readonly differs?: Readonly<Record<string, string>>;
  /** Throws when something else is observed. */
  readonly run: (box: Sandbox) => Promise<void>;
}

type More = Pick<Case, "only" | "lacks" | "differs"> & {
  /** Global flags for brun. */
  readonly globals?: readonly string[];
};

/** Paths of fields of one section. */
export function under(section: string, names: string): string[] {
  return names.split(" ").map((name) => `${section}.${name}`);
}

/** What a command said, compared with what it should have. Throws an Error that shows both. */
export function expectOutput(outcome: Outcome, expected: string | RegExp): void {
  const { stdout, stderr, code, signal } = outcome;
  const fits = typeof expected === "string" ? stdout === expected : expected.test(stdout);
  if (fits) return;
  const said = stderr.trim() === "" ? "" : `; stderr: ${stderr.trim()}`;
  throw new Error(
    `expected ${typeof expected === "string" ? JSON.stringify(expected) : expected} but found ` +
      `${JSON.stringify(stdout)} and exit code ${signal ?? code}${said}`,
  );
}

/** Throws unless a value is the one expected. */
export function expectEqual(found: unknown, expected: unknown, what: string): void {
  if (!Bun.deepEquals(found, expected)) {
    throw new Error(`${what}: expected ${JSON.stringify(expected)} but found ${JSON.stringify(found)}`);
  }
}

/** A shell script in a container prints something. */
export function inside(
  name: string,
  fields: readonly string[],
  edit: (spec: TestSpec, box: Sandbox) => void,
  script: string,
  expected: string | RegExp | ((box: Sandbox) => string | RegExp),
  more: More = {},
): Case {
  const { globals = [], ...rest } = more;
  return {
    name,
    fields,
    ...rest,
    run: async (box) => {
      const flags = box.subject.runtime === "brun" ? globals : [];
      const outcome = await box.sh(script, (spec) => edit(spec, box), { globals: flags });
      expectOutput(outcome, typeof expected === "function" ? expected(box) : expected);
    },
  };
}

/** The container is refused: nothing of it has run. */
export function refused(
  name: string,
  fields: readonly string[],
  edit: (spec: TestSpec, box: Sandbox) => void,
  more: More = {},
): Case {
  return {
    name,
    fields,
    ...more,
    run: async (box) => {
      const outcome = await box.sh("echo ran", (spec) => edit(spec, box));
      if (outcome.code === 0 || outcome.stdout !== "") {
        throw new Error(`it ran: ${JSON.stringify(outcome.stdout)}; stderr: ${outcome.stderr.trim()}`);
      }
      await box.untilGone();
    },
  };
}

/** Puts what the loose type of {@link TestSpec} has no name for into a spec. */
export function set(target: object, values: object): void {
  Object.assign(target, values);
}
