/** Runs the front's parser (nsenter/front/command.c, built as a program) and brun's own (src/cli) on command lines. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { checkId } from "../../container/lifecycle/id.ts";
import { callerIdentity, defaultRoot, givenRoot, useDefaultRoot } from "../../container/state/root.ts";
import { absolute } from "../../sys/fs.ts";
import type { Flags, Values } from "../flags.ts";
import { logOptions } from "../globals.ts";
import { create, exec, kill, remove, run, start, state } from "../hot.ts";
import { globalFlags } from "../hot-flags.ts";
import list from "../list.ts";
import { commands } from "../main.ts";
import { parseCommand, parseGlobals } from "../parse.ts";
import { parseSignal } from "../signals.ts";

/** A command line, without the program's name, and the environment. */
export interface Line {
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Kinds: other, plan, run, list, launch, see nsenter/front/command.h; of brun's own parser: refused, other and read. */
export type Reading = Readonly<Record<string, string | number | boolean | readonly string[]>>;

const NSENTER = `${import.meta.dir}/../../../nsenter`;

/** Compiles the front's part. `read` takes any number of lines. */
export function frontReader(): { readonly read: (lines: readonly Line[]) => Reading[] } & Disposable {
  const directory = mkdtempSync(`${tmpdir()}/brun-test-command-line-`);
  const program = `${directory}/command-line`;
  // Where there is no state directory yet the front leaves it to Bun to make one.
  useDefaultRoot({ ...callerIdentity(), env: {} });
  const sources = [
    "testing/command-line.c",
    "front/command.c",
    "front/environment.c",
    "front/flags.c",
    "front/root.c",
    "front/sandbox-words.c",
    "front/signal-names.c",
  ];
  const argv = ["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-o", program];
  const built = Bun.spawnSync([...argv, ...sources.map((file) => `${NSENTER}/${file}`)], { stderr: "pipe" });
  if (built.exitCode !== 0) throw new Error(built.stderr.toString());
  return {
    read: (lines) => {
      const text = lines.flatMap(({ words, env }) => {
        const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
        return [words.length + 1, "brun", ...words, variables.length, ...variables];
      });
      const stdin = Buffer.from(text.map((word) => `${word}\0`).join(""));
      const { stdout, exitCode } = Bun.spawnSync([program], { stdin });
      if (exitCode !== 0) throw new Error(`the front's reader ended with ${exitCode}`);
      return stdout.toString().trimEnd().split("\n").map(readingOfFront);
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}

/** Characters of the line are bytes; words have numbers. */
function readingOfFront(line: string): Reading {
  const words: string[] = [];
  const reading: Record<string, string | number | boolean | string[]> = {};
  for (const [key, value] of Object.entries<string | number | boolean>(JSON.parse(line))) {
    const text = typeof value === "string" ? Buffer.from(value, "latin1").toString() : value;
    if (/^\d+$/.test(key)) words.push(text as string);
    else reading[key] = text;
  }
  return words.length === 0 ? reading : { ...reading, words };
}

/** Flags with another value than they have when they are not given. */
function given(flags: Flags, values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(flags)) {
    if (flag.type === "positional") continue;
    const value = values[name];
    const none = flag.type === "string" ? flag.default : flag.optional ? undefined : false;
    if (value !== none && !(Array.isArray(value) && value.length === 0)) result[name] = value;
  }
  return result;
}

const hot = new Map<unknown, string>([
  [run, "run"],
  [create, "create"],
  [start, "start"],
  [state, "state"],
  [kill, "kill"],
  [remove, "delete"],
  [exec, "exec"],
  [list, "list"],
]);

/** What brun's parser reads. Of a container without a bundle, help and commands that the front does not know only that: other. */
export async function readingOfBrun({ words, env }: Line): Promise<Reading> {
  try {
    const { values, args, help } = parseGlobals(globalFlags, words);
    const { file } = logOptions(values);
    const [name, ...rest] = args;
    if (values.version || help || name === undefined || name === "help" || name === "h")
      return { kind: "other" };
    if (!Object.hasOwn(commands, name)) return { kind: "refused" };
    const command = await commands[name]!(rest);
    if (!hot.has(command)) return { kind: "other" };
    const parsed = parseCommand(name, command.args, rest, { short: command.short === true });
    if (parsed.help) return { kind: "other" };
    return readCommand(name, command.args, parsed.values, values, env, file);
  } catch {
    return { kind: "refused" };
  }
}

function readCommand(
  name: string,
  flags: Flags,
  values: Readonly<Record<string, unknown>>,
  globals: Values<typeof globalFlags>,
  env: Line["env"],
  file: string | undefined,
): Reading {
  const id = values["container-id"] as string | undefined;
  if (name !== "list") checkId(id!);
  const root =
    globals.root === undefined ? defaultRoot({ ...callerIdentity(), env }).path : givenRoot(globals.root);
  const { log: _log, "log-format": _format, root: _root, ...others } = given(globalFlags, globals);
  const more: Record<string, string | number | boolean | string[]> = {};
  if (name === "kill") more.signal = parseSignal((values.signal as string | undefined) || "TERM");
  if (name === "exec" && !values.process && (values.command as string[]).length === 0)
    throw new Error("no program");
  if (name === "exec") more.words = values.command as string[];
  if (name === "run") more.bundle = absolute((values.bundle as string) || ".");
  return {
    kind: "read",
    name,
    ...(id === undefined ? {} : { id }),
    root,
    ...(file === undefined ? {} : { log: file }),
    ...more,
    given: JSON.stringify(given(flags, values)),
    globals: JSON.stringify(others),
  };
}

/** What the front has to have read where it takes on what brun's parser has read so; null: it must not. */
export function asFront(kind: unknown, read: Reading): Reading | null {
  if (read.kind !== "read") return null;
  const { name, id, root, log, given: flags, globals } = read;
  const options = JSON.parse(flags as string) as Record<string, unknown>;
  const {
    "systemd-cgroup": systemd,
    debug: _observed,
    ...others
  } = JSON.parse(globals as string) as Record<string, unknown>;
  if (Object.keys(others).length > 0) return null;
  const where = { root: root!, ...(log === undefined ? {} : { log }) };
  if (name === "list") return kind === "list" ? listAsFront({ kind, ...where }, options) : null;
  const common = { id: id!, ...where };
  if (kind === "launch") {
    const launches = name === "run" || name === "create" || name === "exec";
    return launches && Number(options["preserve-fds"] ?? 0) === 0 ? { kind } : null;
  }
  if (kind === "run") {
    const { bundle, "no-new-keyring": oldKeyring, detach, ...rest } = options;
    if (name !== "run" || systemd || Object.keys(rest).length > 0) return null;
    void bundle;
    const flags = {
      ...(detach ? { "--detach": true } : {}),
      ...(oldKeyring ? { "--no-new-keyring": true } : {}),
    };
    return { kind, ...common, bundle: read.bundle!, ...flags };
  }
  const { force, ...rest } = options;
  if (kind === "plan" && name === "exec") return execAsFront(read, { kind, ...common }, options);
  if (kind !== "plan" || Object.keys(rest).length > 0) return null;
  const result = { kind, ...common, command: force ? "delete --force" : name! };
  return name === "kill" ? { ...result, signal: read.signal! } : result;
}

function execAsFront(read: Reading, common: Reading, options: Record<string, unknown>): Reading | null {
  const { interactive: _stdin, tty = false, detach = false, cwd, workdir, env = [], ...others } = options;
  const { "pid-file": pidFile, process, "console-socket": console, user, ...rest } = others;
  // A name is looked up in the container.
  const ids = user === undefined ? [] : /^(\d{1,10})(?::(\d{1,10}))?$/.exec(user as string)?.slice(1);
  if (ids === undefined || ids.some((id) => Number(id ?? 0) > 0xfffffffe)) return null;
  const texts = Object.entries({ pidFile, process, console, uid: ids[0], gid: ids[1] }).filter(
    ([, text]) => text !== undefined,
  );
  const directory = (cwd ?? workdir) as string | undefined;
  const variables = (env as string[]).map((variable, i) => [`env${i}`, variable] as const);
  if (Object.keys(rest).length > 0) return null;
  return {
    ...common,
    command: "exec",
    ...((read.words as string[]).length === 0 ? {} : { words: read.words! }),
    terminal: tty as boolean,
    detach: detach as boolean,
    ...Object.fromEntries(variables),
    ...(directory === undefined ? {} : { cwd: directory }),
    ...(Object.fromEntries(texts) as Readonly<Record<string, string>>),
  };
}

function listAsFront(common: Reading, options: Record<string, unknown>): Reading | null {
  const { quiet, format = "table", ...rest } = options;
  if (Object.keys(rest).length > 0 || (!quiet && format !== "table" && format !== "json")) return null;
  return { ...common, form: quiet ? "ids" : (format as string) };
}
