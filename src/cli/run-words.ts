/**
 * Command lines of other tools that are no container of a bundle: `brun run npm test`, `brun run --rm -it alpine sh`. The
 * error's hint is the line to type, with the user's words in it.
 */
import { BrunError } from "../errors.ts";
import { findProgram } from "../host/find-program.ts";
import { shellWords } from "../printable.ts";
import { absolute, exists, readText, S, tryStat } from "../sys/fs.ts";
import type { Flags } from "./flags.ts";
import { OTHER_FLAGS } from "./other-flags.ts";
import { type Parsed, parseFlags } from "./parse.ts";
import { sandboxRunFlags } from "./sandbox-flags.ts";
import { sandboxOptions } from "./sandbox-options.ts";
import { UsageError } from "./usage-error.ts";

/** The error with a hint that fits the words. It stays unchanged if a bundle is named, or if it is about something else. */
export function hintForWords(error: unknown, argv: readonly string[], globals: Flags): unknown {
  if (!(error instanceof BrunError) || !isAboutWords(error) || namesBundle(argv)) return error;
  let parsed: Parsed<typeof sandboxRunFlags>;
  try {
    const manner = { globals, short: true, others: OTHER_FLAGS, topic: "run --host" };
    parsed = parseFlags("run", sandboxRunFlags, argv, manner);
  } catch (other) {
    // A flag of neither: the error names the flag that may be meant.
    return other instanceof UsageError && other.fault.hint !== "page" ? other : error;
  }
  const { values, args: words } = parsed;
  try {
    // Flags that exclude each other would be refused there, too.
    sandboxOptions({ ...values, host: true }, words, values.tty);
  } catch (other) {
    return other;
  }
  const { code, where, file, exitCode } = error;
  const flags = argv.slice(0, argv.length - words.length).filter((word) => word !== "--");
  return new BrunError(said(error, words), {
    code,
    where,
    file,
    exitCode,
    cause: error,
    hint: hintFor(flags, words),
  });
}

/**
 * Flags, a number of words or an id that are refused, and an id where the current directory has no config.json, or one of
 * another program.
 */
function isAboutWords({ code, where, file = where }: BrunError): boolean {
  if (code === "ERR_USAGE" || code === "ERR_ID") return true;
  const here = absolute("config.json");
  return file === here && (code === "ENOENT" || (code === "ERR_CONFIG" && isForeign(here)));
}

/** Whether a file that could be read is JSON without what each config of a container begins with. */
function isForeign(path: string): boolean {
  try {
    const value: unknown = JSON.parse(readText(path));
    return typeof value !== "object" || value === null || !("ociVersion" in value);
  } catch {
    return false;
  }
}

function namesBundle(argv: readonly string[]): boolean {
  return argv.some((word) => /^(--?(bundle|config)|-[bf])(=|$)/.test(word));
}

function said(error: BrunError, words: readonly string[]): string {
  const { unknown, isCount = false } = error instanceof UsageError ? error.fault : {};
  // Words after the program are not for brun.
  const ofProgram =
    unknown !== undefined && words.some((word) => word === unknown || word.startsWith(`${unknown}=`));
  if (error.code !== "ERR_ID" && !isCount && !ofProgram) return error.message;
  if (words.join("").trim() === "") return "run: neither a program nor the id of a container is given";
  return `run: ${shellWords(words)} is not the id of a container`;
}

function hintFor(flags: readonly string[], words: readonly string[]): string {
  const line = (root: readonly string[], program: readonly string[]) =>
    shellWords(["brun", "run", ...root, ...flags, ...(program.length > 0 ? ["--", ...program] : [])]);
  const [first] = words;
  if (first === undefined || first.trim() === "") {
    return `in a copy of this machine: ${line(["--host"], ["sh"])}; from an image: ${line(["--image", "NAME"], [])}`;
  }
  if (isDirectory(first)) {
    return exists(`${first}/config.json`)
      ? `for the bundle in ${first}: ${shellWords(["brun", "run", "--bundle", first, "ID"])}`
      : `in that directory: ${line(["--rootfs", first], words.slice(1))}`;
  }
  const program = onThisMachine(words);
  if (program !== null) return `in a copy of this machine: ${line(["--host"], program)}`;
  const others =
    words.length > 1 ? "" : `; for a bundle: ${shellWords(["brun", "run", "--bundle", "DIR", first])}`;
  return `from an image: ${line(["--image", first], words.slice(1))}${others}`;
}

function isDirectory(path: string): boolean {
  const stat = path.includes("/") ? tryStat(path) : -1;
  return typeof stat !== "number" && (stat.mode & S.IFMT) === S.IFDIR;
}

/** The words as a program of this machine: "npm test" in quotes is a line for a shell. Null when there is none. */
function onThisMachine(words: readonly string[]): readonly string[] | null {
  const first = words[0]!;
  if (isProgram(first)) return words;
  if (!first.includes("/") && isProgram(`./${first}`)) return [`./${first}`, ...words.slice(1)];
  const begin = words.length === 1 ? /^\s*(\S+)\s/.exec(first)?.[1] : undefined;
  return begin !== undefined && isProgram(begin) ? ["sh", "-c", first] : null;
}

/** Whether a word is a program of this machine, by PATH or as a path. */
export function isProgram(word: string): boolean {
  const slash = word.lastIndexOf("/");
  if (slash < 0) return findProgram(word) !== null;
  return findProgram(word.slice(slash + 1), word.slice(0, slash) || "/") !== null;
}
