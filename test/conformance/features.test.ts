/** `features` beside runc's: all that runc has a word for, brun says as well, in the same shape. */
import { expect, test } from "bun:test";
import { callers } from "../support/caller.ts";
import { runtimeArgv, subjects } from "../support/runtime.ts";

interface Json {
  readonly [key: string]: Json | Json[] | string | boolean;
}

const [caller] = callers();

function featuresOf(runtime: "brun" | "runc"): Json {
  const subject = subjects([runtime]).find((one) => one.caller.name === caller!.name)!;
  const { stdout, stderr } = Bun.spawnSync([...runtimeArgv(subject), "features"]);
  expect(stderr.toString()).toBe("");
  return JSON.parse(stdout.toString());
}

/** What brun is not, or has another number of. */
const OWN = /^\.annotations\.org\.opencontainers\.runc\.|^\.annotations\.io\.github\.seccomp|^\.ociVersion/;

/** Where the second lacks something of the first, or has it in another form. */
function lacking(theirs: unknown, ours: unknown, path = ""): string[] {
  if (OWN.test(path)) return [];
  if (Array.isArray(theirs) && Array.isArray(ours)) {
    return theirs.filter((one) => !ours.includes(one)).map((one) => `${path}: ${one}`);
  }
  if (typeof theirs === "object" && theirs !== null && typeof ours === "object" && ours !== null) {
    return Object.entries(theirs).flatMap(([key, value]) =>
      lacking(value, (ours as Json)[key], `${path}.${key}`),
    );
  }
  return theirs === ours ? [] : [`${path}: ${JSON.stringify(theirs)} but ${JSON.stringify(ours)}`];
}

const unavailable = subjects(["runc"])[0]!.unavailable !== undefined;

test.skipIf(unavailable)("brun features has all that runc features has", () => {
  const allowed = [
    // runc names what its libseccomp may not know; brun asks libseccomp.
    ".linux.seccomp.archs: SCMP_ARCH_LOONGARCH64",
    // Releases of runc after 1.1 have dropped them.
    ".mountOptions: acl",
    ".mountOptions: noacl",
    // It puts the bundle into a label of its own, by that name.
    ".potentiallyUnsafeConfigAnnotations: bundle",
  ];
  expect(lacking(featuresOf("runc"), featuresOf("brun")).filter((line) => !allowed.includes(line))).toEqual(
    [],
  );
});
