/** `brun diff`, `apply`, `discard` and `sandbox`: the changes that runs with --keep have made. */
import { type Applied, applyChanges } from "../changes/apply.ts";
import { discardKept } from "../changes/discard.ts";
import { type Kept, kept, keptNames } from "../changes/kept.ts";
import { type Change, type Compared, changesIn } from "../changes/walk.ts";
import { unshare } from "../container/lifecycle/unshare.ts";
import { BrunError } from "../errors.ts";
import { printable } from "../printable.ts";
import { lockUpper } from "../sandbox/upper-lock.ts";
import { environmentStrings, givenArguments } from "../sys/environment.ts";
import { E } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { absolute, close, readlink, writeFd } from "../sys/fs.ts";
import { lazy } from "../sys/lazy.ts";
import { fromUtf8 } from "../sys/utf8.ts";
import { retellAction, unknownAction } from "./action.ts";
import { defineCommand } from "./command.ts";
import { isJson, table } from "./format.ts";
import { formatFlag } from "./hot-flags.ts";
import { isTerminal, print, printError, toStdout } from "./output.ts";

const patchModule = lazy<typeof import("../changes/patch.ts")>(() => require("../changes/patch.ts"));

const name = { type: "positional", description: "the name that was given to --keep" } as const;
const paths = {
  type: "positional",
  required: false,
  rest: true,
  flagsAfter: true,
  description: "only changes at or below these paths (default: all)",
} as const;

export const diff = defineCommand({
  meta: { name: "diff", description: "show what runs with --keep have changed" },
  args: {
    name,
    paths,
    patch: { type: "boolean", alias: "p", description: "as a patch, which git apply takes" },
    format: formatFlag,
  },
  short: true,
  details: `A line for each path: A for added, C for changed, D for deleted. Contents are compared byte by byte; a change of times
alone does not count. The paths of a patch begin at the current directory if all changes are below it, otherwise at /.

EXAMPLE
  brun run --host --keep try -- npm install
  brun diff try
  brun diff try --patch src >my.patch`,
  run({ args }) {
    const json = isJson(args.format);
    return asOwner(() => {
      const { compared, changes } = selected(args.name, args.paths);
      if (args.patch) printPatch(changes, compared);
      else if (json) printJson(changes.map(forPrograms));
      else for (const change of changes) print(`${lineOf(change)}\n`);
      return 0;
    });
  },
});

export const apply = defineCommand({
  meta: { name: "apply", description: "take over what runs with --keep have changed" },
  args: {
    name,
    paths,
    yes: { type: "boolean", alias: "y", description: "do not ask" },
    format: formatFlag,
    force: { type: "boolean", description: "also replace files that have changed here since" },
  },
  short: true,
  details: `Shows what brun diff shows, and asks for confirmation. Each file is replaced atomically, and no symbolic link is
followed. Files that have changed here since the program saw them, and files that cannot be written, are left out and reported;
the exit code is then 1.

EXAMPLE
  brun apply try
  brun apply try --yes src/main.c`,
  run({ args }) {
    const json = isJson(args.format);
    return asOwner(() => {
      const { compared, changes, one } = selected(args.name, args.paths);
      if (changes.length === 0 && !json) return 0;
      const lock = lockUpper(one.directory, "apply");
      try {
        for (const change of json ? [] : changes) print(`${lineOf(change)}\n`);
        if (json && !args.yes)
          throw new BrunError("--format json does not ask", { code: "ERR_USAGE", hint: "add --yes" });
        if (!args.yes && !agreed(`take over ${counted(changes.length)}?`)) return 1;
        const used = BigInt(Date.parse(one.record.used)) * 1_000_000n;
        const applied = applyChanges(changes, { ...compared, force: args.force, used });
        if (!json) return told(applied);
        printJson(applied.map(({ change, left }) => ({ ...forPrograms(change), left })));
        return applied.some(({ left }) => left !== null) ? 1 : 0;
      } finally {
        close(lock);
      }
    });
  },
});

export const discard = defineCommand({
  meta: { name: "discard", description: "throw away what runs with --keep have changed" },
  args: {
    names: {
      type: "positional",
      rest: true,
      flagsAfter: true,
      description: "names that were given to --keep",
    },
    held: { type: "boolean", hidden: true, description: "for --audit: whoever calls has the lock" },
  },
  short: true,
  details: `EXAMPLE
  brun discard try`,
  run({ args }) {
    return asOwner(() => {
      discardKept(namedKept(args.names), args.held);
      return 0;
    });
  },
});

const ACTIONS = ["list", "remove"];

export const sandbox = defineCommand({
  meta: { name: "sandbox", description: "list what runs with --keep have kept, or remove it" },
  args: {
    action: { type: "positional", description: "list or remove" },
    names: {
      type: "positional",
      required: false,
      rest: true,
      flagsAfter: true,
      description: "for remove: the names",
    },
    format: formatFlag,
    quiet: { type: "boolean", alias: "q", description: "for list: only the names" },
  },
  short: true,
  details: `EXAMPLE
  brun sandbox list
  brun sandbox remove try`,
  retell: retellAction("sandbox", ACTIONS),
  run({ args }) {
    if (args.action === "list" || args.action === "ls") return listKept(isJson(args.format), args.quiet);
    if (args.action !== "remove" && args.action !== "rm")
      throw unknownAction("sandbox", args.action, ACTIONS, args.names);
    if (args.names.length === 0)
      throw new BrunError("brun sandbox remove needs a name", {
        code: "ERR_USAGE",
        hint: "brun sandbox list has them",
      });
    return asOwner(() => {
      discardKept(namedKept(args.names));
      return 0;
    });
  },
});

/** The names without duplicates. Throws a BrunError. */
function namedKept(names: readonly string[]): Kept[] {
  return [...new Set(names)].map(kept);
}

function listKept(json: boolean, quiet: boolean): number {
  const all = keptNames().map(kept);
  if (json) {
    printJson(all.map(({ name, directory, record }) => ({ name, directory, ...record })));
  } else if (quiet) {
    for (const { name } of all) print(`${name}\n`);
  } else {
    const rows = all.map(({ name, record }) => [
      name,
      printable(record.flag, true),
      record.created,
      record.used,
    ]);
    print(table([["NAME", "OF", "CREATED", "USED"], ...rows]));
  }
  return 0;
}

function printJson(value: object): void {
  print(JSON.stringify(value, null, 2).concat("\n"));
}

/** What a command is about. */
function selected(
  name: string,
  only: readonly string[],
): { one: Kept; compared: Compared; changes: Change[] } {
  const one = kept(name);
  const { root, places, covers } = one.record;
  const compared = { upper: `${one.directory}/upper`, lower: root, places, covers };
  const wanted = only.map((path) => absolute(path));
  const within = (path: string) =>
    wanted.length === 0 || wanted.some((at) => at === "/" || path === at || path.startsWith(`${at}/`));
  return { one, compared, changes: changesIn(compared).filter(({ path }) => within(path)) };
}

function printPatch(changes: readonly Change[], compared: Compared): void {
  const here = absolute(".");
  const base = changes.every(({ path }) => here === "/" || path.startsWith(`${here}/`)) ? here : "/";
  const { patchOf } = patchModule();
  const patch = patchOf(changes, compared, base);
  toStdout(() => writeFd(1, patch, "stdout"));
}

const LETTERS = { added: "A", changed: "C", deleted: "D" } as const;

/** "C /home/u/run.sh (mode 644 → 755)" */
function lineOf({ path, kind, differs, was, is }: Change): string {
  const slash = (is ?? was)?.type === "directory" ? "/" : "";
  const more = differs.flatMap((difference) => {
    if (difference === "mode") return [`mode ${was!.mode.toString(8)} → ${is!.mode.toString(8)}`];
    if (difference === "owner") return [`owner ${was!.uid}:${was!.gid} → ${is!.uid}:${is!.gid}`];
    if (difference === "type") return [`${was!.type} → ${is!.type}`];
    return difference === "target" ? ["another target"] : [];
  });
  return `${LETTERS[kind]} ${printable(path, true)}${slash}${more.length > 0 ? ` (${more.join(", ")})` : ""}`;
}

function forPrograms({ path, kind, differs, was, is }: Change): object {
  const facts = (entry: Change["is"]) =>
    entry && {
      type: entry.type,
      mode: entry.mode.toString(8),
      uid: entry.uid,
      gid: entry.gid,
      size: entry.size,
    };
  return {
    path: path.toWellFormed(),
    kind,
    ...(kind === "changed" && { differs }),
    was: facts(was),
    is: facts(is),
  };
}

function counted(count: number): string {
  return count === 1 ? "this change" : `these ${count} changes`;
}

/** Asks on the terminal. Throws a BrunError when there is none. */
function agreed(question: string): boolean {
  if (!isTerminal(0))
    throw new BrunError("nothing was taken over: there is no terminal to ask on", {
      code: "ERR_USAGE",
      hint: "--yes takes it over without a question",
    });
  process.stderr.write(`${question} [y/N] `);
  const buffer = new Uint8Array(256);
  const n = syscall(NR.read, 0, buffer, buffer.length);
  return n > 0 && /^y(es)?\s*$/i.test(fromUtf8(buffer.subarray(0, n)));
}

function told(applied: readonly Applied[]): number {
  const left = applied.flatMap(({ change, left: why }) =>
    why === null ? [] : [{ path: change.path, ...why }],
  );
  for (const { path, why } of left) printError(`brun: left out: ${printable(path, true)}: ${why}\n`);
  if (left.length === 0) return 0;
  const hint = left.some(({ conflict }) => conflict)
    ? "; hint: --force takes over what has changed here as well"
    : "";
  printError(`brun: ${left.length} of ${applied.length} changes were left out${hint}\n`);
  return 1;
}

/**
 * Does it as the caller. If files belong to other ids of containers (a range of subordinate ids), does it again as root of the
 * user namespace that containers get.
 */
function asOwner(work: () => number): number {
  try {
    return work();
  } catch (error) {
    const refused = error instanceof SysError && (error.errno === E.EACCES || error.errno === E.EPERM);
    if (!refused || syscall(NR.geteuid) === 0) throw error;
    const { words, stdin } = withLogAsStdin(givenArguments());
    return unshare([readlink("/proc/self/exe"), ...words], environmentStrings(), stdin);
  }
}

/** The TypeScript API passes the log as a descriptor, but in the namespace only stdio is left. */
function withLogAsStdin(words: readonly string[]): { words: readonly string[]; stdin: number | undefined } {
  const at = words.indexOf("--log") + 1;
  const fd = at === 0 ? undefined : /^\/proc\/self\/fd\/(\d+)$/.exec(words[at] ?? "")?.[1];
  if (fd === undefined) return { words, stdin: undefined };
  return { words: words.with(at, "/proc/self/fd/0"), stdin: Number(fd) };
}
