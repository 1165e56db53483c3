/** Finds out from the command line why a program of `run --host` or `run --rootfs` is not found, or not executed. */
import { BrunError } from "../errors.ts";
import { isAboutProgram } from "../plan/step.ts";
import { shellWords } from "../printable.ts";
import { stepErrorOf } from "../stage/step-error.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { AT_FDCWD, absolute, S, type Stat, tryStat } from "../sys/fs.ts";

/** Commands that only a shell has (POSIX 2.14 and 2.9.1.4). */
const OF_SHELLS =
  /^(\.|:|alias|bg|cd|eval|exec|exit|export|fc|fg|hash|jobs|read|readonly|return|set|shift|source|trap|type|ulimit|umask|unalias|unset)$/;

/**
 * The error with a hint, if possible the line to type. Another failure stays unchanged.
 * @param argv all words after `run`
 * @param program the words of the program, at the end of `argv`
 */
export function hintForProgram(error: unknown, argv: readonly string[], program: readonly string[]): unknown {
  const flags = argv.slice(0, argv.length - program.length);
  if (flags.at(-1) === "--") flags.pop();
  const onHost = flags.some((flag) => /^--?host(=|$)/.test(flag));
  return withHint(error, program, onHost, (more, words) => ["run", ...flags, ...more, "--", ...words]);
}

/**
 * The error with the image that does not have the program.
 * @param image its name
 * @param said whether the program comes from the image, and not from the user
 */
export function hintForImage(error: unknown, image: string, said: boolean): unknown {
  if (!(error instanceof BrunError) || programOf(error) === null) return error;
  const { message, code, where, exitCode } = error;
  const hint = said ? "it is what starts where no program is named behind --" : "name one that the image has";
  const details = { code, exitCode, where: where ?? image, hint: error.hint ?? hint };
  return new BrunError(message, { ...details, cause: error });
}

/** The same for `exec`; `argv` is all that follows it. */
export function hintForExec(error: unknown, argv: readonly string[]): unknown {
  // The first word of that name is the program.
  const name = programOf(error);
  const at = name === null ? -1 : argv.indexOf(name);
  if (at < 1) return error;
  const before = argv.slice(0, argv[at - 1] === "--" ? at - 1 : at);
  const line: Line = (more, words) => ["exec", ...more, ...before, ...words];
  return withHint(error, argv.slice(at), false, line);
}

/** The program that cannot be found or executed; null for another failure. */
function programOf(error: unknown): string | null {
  const step = stepErrorOf(error)?.step;
  return step !== undefined && isAboutProgram(step) ? step.file : null;
}

type Line = (more: readonly string[], words: readonly string[]) => readonly string[];

/** @param onHost whether the files of the current directory are those of the container */
function withHint(error: unknown, program: readonly string[], onHost: boolean, line: Line): unknown {
  const [first] = program;
  if (!(error instanceof BrunError) || error.hint !== undefined || first === undefined) return error;
  // --entrypoint takes its place.
  if (programOf(error) !== first) return error;
  const typed = (more: readonly string[], words: readonly string[]) =>
    shellWords(["brun", ...line(more, words)]);
  const { message, code, where, exitCode } = error;
  const hint = hintFor(first, program, typed, onHost, code === "ENOENT");
  return hint === undefined ? error : new BrunError(message, { code, where, exitCode, hint, cause: error });
}

function hintFor(
  first: string,
  program: readonly string[],
  line: (more: readonly string[], words: readonly string[]) => string,
  onHost: boolean,
  isMissing: boolean,
): string | undefined {
  const rest = program.slice(1);
  if (first === "") return "the name of the program is empty: a variable may not be set";
  const found = onHost ? tryStat(first) : -1;
  if (typeof found !== "number" && isType(found, S.IFDIR)) return "it is a directory";
  if (!isMissing) {
    if (onHost && typeof found !== "number" && isType(found, S.IFREG) && isOnlyExecutable(first))
      return `it may be executed and not read, as what makes copies on write would: ${line(["-v", `${absolute(first)}:${absolute(first)}:ro`], program)}`;
    if (first.startsWith("/")) return undefined;
    if (typeof found === "number" || !isType(found, S.IFREG) || (found.mode & 0o111) !== 0) return undefined;
    return `as a shell script: ${line([], ["sh", ...program])}; for good: chmod +x ${shellWords([first])}`;
  }
  if (/^\w+=/.test(first))
    return `a variable is a flag: ${line(["-e", first], rest.length > 0 ? rest : ["env"])}`;
  if (OF_SHELLS.test(first))
    return `a shell has that command: ${line([], ["sh", "-c", shellWords(program)])}`;
  if (rest.length === 0 && /[\s|&;<>$]/.test(first))
    return `a line for a shell: ${line([], ["sh", "-c", first])}`;
  if (typeof found !== "number" && isType(found, S.IFREG) && !first.includes("/"))
    return `the current directory is not in PATH: ${line([], [`./${first}`, ...rest])}`;
  if (first.startsWith("-")) return 'what follows "--" is the program';
  return undefined;
}

const READ = 4; // R_OK
const EXECUTE = 1; // X_OK

function isOnlyExecutable(path: string): boolean {
  const may = (access: number) => syscall(NR.faccessat, AT_FDCWD, cstr(path), access) === 0;
  return may(EXECUTE) && !may(READ);
}

function isType({ mode }: Stat, type: number): boolean {
  return (mode & S.IFMT) === type;
}
