/** No list may contain a variable that does not affect the config (src/host/plain-variables.ts). */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { isPlain, NOTABLE_ENDS, NOTABLE_NAMES, NOTABLE_PARTS } from "../host/plain-variables.ts";
import { mergedEnvironment } from "../host/program-environment.ts";
import { MOVED_DIRECTORIES, NAMED_SECRETS, OTHER_HOMES, TEMPORARY_DIRECTORIES } from "./secret-paths.ts";
import { isSecretName, isSecretVariable } from "./secret-variables.ts";
import { hostSandbox } from "./testing/fixture.ts";

/** Parts of names: some are in the patterns, others are not. */
const PARTS = [
  ...NOTABLE_PARTS,
  ...NOTABLE_ENDS,
  ...NOTABLE_NAMES,
  ...[
    "TOKENS",
    "APIKEY",
    "ACCESS_KEY",
    "PRIVATE_KEY",
    "JWTS",
    "PWD",
    "PW",
    "PAT",
    "PSK",
    "PIN",
    "DSN",
    "SALT",
  ],
  ...["CREDS", "CREDENTIALS", "COOKIES", "AUTHORIZATION", "ENCRYPTIONKEY", "CONNECTION_STRING", "MNEMONIC"],
  ...["ACTIONS", "URL", "_", "A", "GH", "DB", "PROD", "1", "x", "LANG", "PATH", "PUBLIC", "MAX"],
];
const name = fc
  .array(fc.constantFrom(...PARTS), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join(""));
const letters = fc.string({ unit: fc.constantFrom(..."abXY01_-.:/@ ".split("")), maxLength: 40 });
const value = fc
  .tuple(
    fc.constantFrom(
      "",
      "/",
      "https://a:b@",
      "a://:x@h",
      "ghp_",
      "xoxb-",
      "AKIA",
      "sk-",
      "eyJ",
      "Bearer ",
      "~/",
    ),
    letters,
    fc.constantFrom("", "-----BEGIN PRIVATE KEY-----"),
  )
  .map((parts) => parts.join(""));

test("what is plain is not hidden, and names nothing that is", () => {
  fc.assert(
    fc.property(name, value, (variable, text) => {
      if (!isPlain(variable, text)) return;
      expect(isSecretVariable(variable, text), `${variable}=${text}`).toBe(false);
      expect(isSecretName(variable), variable).toBe(false);
    }),
    { numRuns: 20_000 },
  );
});

test("variables that name secrets or directories of them are not plain", () => {
  const all = [...NAMED_SECRETS, ...OTHER_HOMES, ...TEMPORARY_DIRECTORIES, ...Object.keys(MOVED_DIRECTORIES)];
  expect(all.filter((one) => isPlain(one, "/x"))).toEqual([]);
  expect(all.filter((one) => isPlain(one.toLowerCase(), "/x"))).toEqual([]);
});

test("tokens of services are not plain by whatever name", () => {
  const tokens = [
    "xoxb-0123456789",
    "AKIAABCDEFGHIJKLMNOP",
    `ghp_${"a".repeat(36)}`,
    "https://user:pw@host/",
    "a://:b@c",
    "r8_0123456789abcdef",
    "Token 0123456789abcdef",
  ];
  for (const token of tokens) {
    expect(isSecretVariable("X", token), token).toBe(true);
    expect(isPlain("X", token), token).toBe(false);
  }
});

test("what shells and editors set is plain", () => {
  const plain = {
    PWD: "/home/dev/project",
    OLDPWD: "/home/dev",
    LANG: "C.UTF-8",
    SHLVL: "2",
    _: "/usr/bin/make",
    MAKELEVEL: "1",
  };
  for (const [one, text] of Object.entries(plain)) expect(isPlain(one, text), one).toBe(true);
});

const variables = fc.dictionary(
  fc.constantFrom("A", "B", "C", "LANG", "GITHUB_TOKEN", "DB_URL", "XDG_X", "container", "PATH", "E1"),
  fc.constantFrom("1", "/x/y", "a longer value than most", "https://a:b@c"),
  { noNullPrototype: true },
);

test("an environment with other plain variables is made of the fixed ones as the flags make it", () => {
  fc.assert(
    fc.property(variables, variables, fc.subarray(["A=9", "B", "LANG=x", "N=1"]), (first, second, env) => {
      const of = (own: Record<string, string>): Record<string, string> => ({
        HOME: "/home/dev",
        PATH: "/usr/bin",
        ...own,
      });
      const notable = Object.fromEntries(Object.entries(of(first)).filter(([n, v]) => !isPlain(n, v)));
      const plain = Object.fromEntries(Object.entries(second).filter(([n, v]) => isPlain(n, v)));
      // `--env B` without a value uses the caller's B, which the guard compares as well.
      const named = env.includes("B") ? { B: of(first).B } : {};
      const caller = { ...plain, ...notable, ...named } as Record<string, string>;
      for (const key of Object.keys(caller)) if (caller[key] === undefined) delete caller[key];
      const fixed = hostSandbox({ env }, { view: { environment: of(first) } }).fixedEnvironment() ?? [];
      const made = hostSandbox({ env }, { view: { environment: caller } }).spec.process.env;
      expect(mergedEnvironment(caller, fixed)).toEqual([...(made ?? [])]);
    }),
    { numRuns: 500 },
  );
});
