/** The table of commands; those that are not in hot.ts are loaded when they are called. */
import type { Command } from "./command.ts";
import type { CommandTable } from "./dispatch.ts";
import type { Flags } from "./flags.ts";
import { create, dispatch, exec, exit, givenArguments, kill, remove, run, start, state } from "./hot.ts";
import { ROOT_FLAGS } from "./hot-flags.ts";

export const commands: CommandTable = {
  run: async (argv) => {
    if (forSandbox(argv)) return (await import("./sandbox.ts")).sandboxCommand();
    return mayNameImage(argv) ? (await import("./image-word.ts")).runOf(argv, run) : run;
  },
  create: async (argv) =>
    forSandbox(argv, create.args)
      ? (await import("./sandbox.ts")).sandboxCommand(["--detach", "--await-start"])
      : create,
  start: () => start,
  exec: () => exec,
  state: () => state,
  list: async () => (await import("./list.ts")).default,
  ps: async () => (await import("./ps.ts")).default,
  kill: () => kill,
  delete: () => remove,
  pause: async () => (await import("./pause.ts")).default,
  resume: async () => (await import("./resume.ts")).default,
  update: async () => (await import("./update.ts")).default,
  stats: async () => (await import("./stats.ts")).default,
  events: async () => (await import("./events.ts")).default,
  checkpoint: async () => (await import("./checkpoint.ts")).default,
  restore: async () => (await import("./restore.ts")).default,
  spec: async () => (await import("./spec.ts")).default,
  explain: async (argv) =>
    forSandbox(argv)
      ? (await import("./sandbox.ts")).explainSandbox()
      : (await import("./explain.ts")).default,
  doctor: async () => (await import("./doctor.ts")).default,
  unshare: async () => (await import("./unshare.ts")).default,
  image: async (argv) => (await import("./image.ts")).imageCommand(argv),
  login: async () => (await import("./login.ts")).login as unknown as Command,
  logout: async () => (await import("./login.ts")).logout as unknown as Command,
  "image-unpack": async () => (await import("./image-unpack.ts")).default,
  "sandbox-hook": async () => (await import("./sandbox-hook.ts")).default,
  features: async () => (await import("./features.ts")).default,
  stop: async () => (await import("./stop.ts")).default,
  wait: async () => (await import("./wait.ts")).default,
  logs: async () => (await import("./logs.ts")).default,
  attach: async () => (await import("./attach.ts")).default,
  diff: async () => (await import("./changes.ts")).diff as unknown as Command,
  apply: async () => (await import("./changes.ts")).apply as unknown as Command,
  discard: async () => (await import("./changes.ts")).discard as unknown as Command,
  sandbox: async () => (await import("./changes.ts")).sandbox as unknown as Command,
  seccomp: async () => (await import("./seccomp.ts")).default,
  rm: async () => (await import("./rm.ts")).default,
  ls: async () => named("ls", (await import("./list.ts")).default),
  info: async () => named("info", (await import("./doctor.ts")).default),
  version: async () => (await import("./version.ts")).default,
  completion: async () => (await import("./completion.ts")).completionCommand(await others()),
};

/** A command by another name, which podman and docker have for it. */
function named(name: string, command: Command): Command {
  return { ...command, meta: { ...command.meta, name, description: `the same as ${command.meta.name}` } };
}

/** The commands with their variants, `completion` left out, which asks for them. */
async function others(): Promise<Command[]> {
  const loaders = Object.entries(commands).filter(([name]) => name !== "completion");
  const variants = [
    commands.run!(["--host"]),
    commands.explain!(["--host"]),
    Promise.resolve(commands.create!(["--image"])).then((command) => named("create", command)),
  ];
  const { imageActions } = await import("./image.ts");
  return [...(await Promise.all([...loaders.map(([, load]) => load([])), ...variants])), ...imageActions()];
}

/** The commands with their variants. */
export async function allCommands(): Promise<Command[]> {
  return [...(await others()), await commands.completion!([])];
}

/**
 * Whether it is about a container without a bundle (sandbox.ts); that code is loaded for nothing else.
 * @param flags of a command whose flags with a value are passed over with it
 */
function forSandbox(argv: readonly string[], flags: Flags = {}): boolean {
  for (let i = 0; i < argv.length && argv[i] !== "--"; i++) {
    const word = argv[i]!;
    if (word[0] !== "-") continue;
    const flag = word.slice(word[1] === "-" ? 2 : 1);
    for (const root of ROOT_FLAGS) if (flag === root || flag.startsWith(`${root}=`)) return true;
    if (flags[word === "-b" ? "bundle" : flag]?.type === "string") i++;
  }
  return false;
}

/** Whether a word could be the name of an image, where a container's id stands: ids have no slash, colon or @. */
function mayNameImage(argv: readonly string[]): boolean {
  for (let i = 0; i < argv.length && argv[i] !== "--"; i++) {
    const word = argv[i]!;
    const [first] = word;
    if (first === "-") {
      const flag = run.args[word.slice(word[1] === "-" ? 2 : 1) as keyof typeof run.args];
      if (word === "-b" || flag?.type === "string") i++;
    } else if (
      first !== "/" &&
      first !== "." &&
      (word.includes("/") || word.includes(":") || word.includes("@"))
    )
      return true;
  }
  return false;
}

if (import.meta.main) exit(await dispatch(commands, givenArguments()));
