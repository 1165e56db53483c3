/** The table of commands; each is loaded when it is called. */
import type { Command } from "./command.ts";
import { type CommandTable, dispatch } from "./dispatch.ts";
import { exit } from "./output.ts";

export const commands: CommandTable = {
  run: async (argv) => {
    const run = await import("./run.ts");
    return forSandbox(argv) ? (await import("./diagnostics.ts")).sandboxCommand(run) : run.default;
  },
  create: async () => (await import("./create.ts")).default,
  start: async () => (await import("./start.ts")).default,
  exec: async () => (await import("./exec.ts")).default,
  state: async () => (await import("./state.ts")).default,
  list: async () => (await import("./list.ts")).default,
  ps: async () => (await import("./ps.ts")).default,
  kill: async () => (await import("./kill.ts")).default,
  delete: async () => (await import("./delete.ts")).default,
  pause: async () => (await import("./pause.ts")).default,
  resume: async () => (await import("./resume.ts")).default,
  update: async () => (await import("./update.ts")).default,
  stats: async () => (await import("./diagnostics.ts")).stats,
  events: async () => (await import("./events.ts")).default,
  checkpoint: async () => (await import("./diagnostics.ts")).checkpoint,
  restore: async () => (await import("./diagnostics.ts")).restore,
  spec: async () => (await import("./spec.ts")).default,
  explain: async (argv) => {
    const { explain, explainSandbox } = await import("./diagnostics.ts");
    return forSandbox(argv) ? explainSandbox() : explain;
  },
  doctor: async () => (await import("./diagnostics.ts")).doctor,
  unshare: async () => (await import("./diagnostics.ts")).unshare,
  "sandbox-hook": async () => (await import("./diagnostics.ts")).sandboxHook,
  features: async () => (await import("./features.ts")).default,
  completion: async () => (await import("./diagnostics.ts")).completionCommand(await others()),
};

/** The commands with their variants, `completion` left out, which asks for them. */
async function others(): Promise<Command[]> {
  const loaders = Object.entries(commands).filter(([name]) => name !== "completion");
  const variants = [commands.run!(["--host"]), commands.explain!(["--host"])];
  return Promise.all([...loaders.map(([, load]) => load([])), ...variants]);
}

/** The commands with their variants. */
export async function allCommands(): Promise<Command[]> {
  return [...(await others()), await commands.completion!([])];
}

/** Whether it is about a container without a bundle (sandbox.ts); that code is loaded for nothing else. */
function forSandbox(argv: readonly string[]): boolean {
  for (let i = 0; i < argv.length && argv[i] !== "--"; i++) {
    if (argv[i]!.startsWith("--host") || argv[i]!.startsWith("--rootfs")) return true;
  }
  return false;
}

if (import.meta.main) exit(await dispatch(commands, process.argv.slice(2)));
