/**
 * Checks the values of options that do not become flags of a container, and of those of `exec`, since a program may not have been
 * checked by a compiler.
 */
import { closest } from "../cli/closest.ts";
import { usage, wrong } from "./usage.ts";

/** A kind of value. */
interface Rule {
  /** "a text". */
  readonly expected: string;
  readonly fits: (value: unknown) => boolean;
  /** A wrong value is not shown. */
  readonly secret?: boolean;
}

const text: Rule = { expected: "a text", fits: (value) => typeof value === "string" };
const onOff: Rule = { expected: "true or false", fits: (value) => typeof value === "boolean" };
const listener: Rule = { expected: "a function", fits: (value) => typeof value === "function" };

function oneOf(...words: readonly unknown[]): Rule {
  return {
    expected: `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`,
    fits: (value) => words.includes(value),
  };
}

const mode = oneOf("ignore", "inherit", "pipe");

/** Options of a program: StdioOptions. */
const STDIO: Readonly<Record<string, Rule>> = {
  stdin: mode,
  input: {
    expected: "a text or bytes",
    fits: (value) => typeof value === "string" || value instanceof Uint8Array,
  },
  stdout: mode,
  stderr: mode,
  // Other realms and polyfills have another AbortSignal.
  signal: {
    expected: "an AbortSignal",
    fits: (value) =>
      typeof value === "object" && value !== null && "aborted" in value && "addEventListener" in value,
  },
  timeout: { expected: "a number or a text", fits: (value) => ["number", "string"].includes(typeof value) },
  dieWithParent: onOff,
};

/** Options of some containers that are no flags. */
export const SOME: Readonly<Record<string, Rule>> = {
  onNetwork: listener,
  mayReach: listener,
  onProgress: listener,
  creds: {
    expected: "an object with username, which has no colon, and password",
    fits: (value) =>
      isRecord(value) &&
      typeof value.username === "string" &&
      /^[^:]+$/.test(value.username) &&
      typeof value.password === "string",
    secret: true,
  },
};

/** Options of every container: ContainerSettings and those that it extends. */
export const SETTINGS: Readonly<Record<string, Rule>> = {
  id: text,
  root: text,
  cgroupManager: text,
  rootless: oneOf(true, false, "auto"),
  brun: text,
  onWarning: listener,
  ...STDIO,
};

/** Options of `exec`. Names and values of `env` are looked at where they become flags. */
const EXEC: Readonly<Record<string, Rule>> = {
  cwd: text,
  env: { expected: "an object with a text for each name", fits: isRecord },
  user: { expected: "a text or a number", fits: (value) => ["number", "string"].includes(typeof value) },
  tty: onOff,
  caps: {
    expected: "a list of texts",
    fits: (value) => Array.isArray(value) && value.every((word) => typeof word === "string"),
  },
  ...STDIO,
};

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Throws a BrunError ERR_USAGE for a value that an option of this name cannot have. */
export function checkSetting(rules: Readonly<Record<string, Rule>>, name: string, value: unknown): void {
  const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
  if (rule === undefined || rule.fits(value)) return;
  throw rule.secret
    ? usage(`${name}: expected ${rule.expected}`, undefined, name)
    : wrong(name, value, rule.expected);
}

/** Throws a BrunError ERR_USAGE for options that `exec` does not have, or not with such a value. */
export function checkExecOptions(options: object): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(EXEC, name)) throw noSuchOption(name, Object.keys(EXEC));
    checkSetting(EXEC, name, value);
  }
}

/** The error for an option that does not exist. */
export function noSuchOption(name: string, allowed: readonly string[]): Error {
  const near = closest(name, allowed);
  return usage(`${name}: there is no such option`, near && `did you mean ${near}?`, name);
}
