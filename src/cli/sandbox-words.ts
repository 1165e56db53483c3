/**
 * The words of `run --host`, `run --rootfs` and `run --image`: which are flags, a name, the program. As in podman the program begins
 * with the first word that is no flag; "--" before it is optional. `run --rootfs DIR NAME [flags] -- program` has a
 * name there: what stands before "--" is one where nothing but flags follows it.
 */
import { BrunError } from "../errors.ts";
import { shellWords } from "../printable.ts";
import type { Flags, Values } from "./flags.ts";
import { gpuHint } from "./gpu-hint.ts";
import { OTHER_FLAGS } from "./other-flags.ts";
import { type Parsed, parseFlags } from "./parse.ts";
import { isProgram } from "./run-words.ts";
import type { sandboxFlags } from "./sandbox-flags.ts";

/** The parts of the command line. */
export interface SandboxWords<F extends Flags> {
  readonly parsed: Parsed<F>;
  readonly program: readonly string[];
}

/** Parses the arguments. Throws a BrunError, with the caller's words in the line to type. */
export function sandboxWords<const F extends Flags>(
  command: string,
  flags: F,
  argv: readonly string[],
  globals: Flags,
): SandboxWords<F> {
  // --rootfs would take --help as its value; both have one help.
  const gpus = argv.some((word) => /^--?gpus(=|$)/.test(word)) ? { gpus: gpuHint() } : {};
  const others = { ...OTHER_FLAGS, ...gpus };
  const manner = { globals, short: true, others, topic: `${command} --host` };
  const first = parseFlags(command, flags, argv, manner);
  const { args: words, dashed, help } = first;
  if (help || dashed || words.length === 0) return { parsed: first, program: words };
  const before = argv.slice(0, argv.length - words.length);
  const end = words.indexOf("--");
  const { host, rootfs, image } = first.values as Partial<Values<typeof sandboxFlags>>;
  const named = end === 1 || (end > 1 && words[1]!.startsWith("-") && !host);
  if (named) return withName(command, flags, argv.length - words.length, argv, manner);
  if (!host && rootfs === undefined && image === undefined) throw afterProgram(command, words, before);
  return { parsed: first, program: words };
}

/** `NAME [flags] -- program`. */
function withName<const F extends Flags>(
  command: string,
  flags: F,
  at: number,
  argv: readonly string[],
  manner: Parameters<typeof parseFlags>[3],
): SandboxWords<F> {
  const end = argv.indexOf("--", at);
  const name = argv[at]!;
  const others = [...argv.slice(0, at), ...argv.slice(at + 1, end)];
  const program = argv.slice(end + 1);
  const asProgram = () => line(command, [...argv.slice(0, at), "--", ...argv.slice(at)]);
  let parsed: Parsed<F>;
  try {
    parsed = parseFlags(command, flags, others, manner);
  } catch (error) {
    if (!(error instanceof BrunError)) throw error;
    const hint = `if "${name}" is the program: ${asProgram()}`;
    throw new BrunError(error.message, { code: error.code, hint });
  }
  if (parsed.help) return { parsed, program };
  const { host } = parsed.values as Partial<Values<typeof sandboxFlags>>;
  if (host || parsed.args.length > 0) {
    const named = line(command, ["--name", name, ...argv.slice(0, at), ...argv.slice(at + 1)]);
    const hint =
      parsed.args.length > 0
        ? asProgram()
        : isProgram(name)
          ? `${asProgram()}; as a name: ${named}`
          : `as a name: ${named}`;
    throw new BrunError(`${command}: "${name}" before "--" may be a name or the program`, {
      code: "ERR_USAGE",
      hint,
    });
  }
  return { parsed: { ...parsed, values: { ...parsed.values, "container-id": name } }, program };
}

/** `run make --host`: the flag belongs to the program there. */
function afterProgram(command: string, words: readonly string[], before: readonly string[]): BrunError {
  const at = words.findIndex((word) => /^--?(host|rootfs|image)(=|$)/.test(word));
  const count = /^--?(rootfs|image)$/.test(words[at] ?? "") ? 2 : 1;
  const moved = words.slice(at, at + count);
  const rest = [...words.slice(0, at), ...words.slice(at + count)];
  return new BrunError(`${command}: ${words[at]} stands before the program`, {
    code: "ERR_USAGE",
    hint: line(command, [...moved, ...before, "--", ...rest]),
  });
}

function line(command: string, words: readonly string[]): string {
  return `brun ${command} ${shellWords(words)}`;
}
