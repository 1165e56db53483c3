/** What an unknown command may have been meant to be: `brun stat`, `brun make test`, `brun inspect web`. */
import { BrunError } from "../errors.ts";
import { shellWords } from "../printable.ts";
import { closest } from "./closest.ts";
import { parseFlags } from "./parse.ts";
import { isProgram } from "./run-words.ts";
import { sandboxRunFlags } from "./sandbox-flags.ts";

/** Commands of podman and docker that brun does in another way. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  inspect: "as JSON: brun state ID",
  top: "the processes of a container: brun ps ID",
  unpause: "brun resume ID",
  restart: "brun makes a container anew for each run: brun delete --force ID, then brun run",
  rename: "a container keeps its name: brun run --host --name NAME",
  cp: "the files of a running container: ls /proc/PID/root, where brun state ID tells the PID",
  diff: "what a container changes: brun run --host --upper DIR",
  export: "what a container changes: brun run --host --upper DIR",
  shell: "a shell in a copy of this machine: brun run --host",
};

const IMAGES = ["images", "image", "pull", "push", "build", "commit", "tag", "login", "save", "load"];
const NETWORKS = ["network", "port"];
const VOLUMES = ["volume", "mount"];

/**
 * The hint for a command that there is not.
 * @param argv what follows it
 * @param commands those that there are
 */
export function hintForCommand(name: string, argv: readonly string[], commands: readonly string[]): string {
  const list = "`brun --help` lists the commands";
  if (Object.hasOwn(ELSEWHERE, name)) return ELSEWHERE[name]!;
  if (IMAGES.includes(name)) return `brun takes a directory instead of an image: brun run --rootfs DIR`;
  if (NETWORKS.includes(name)) return `a network is a flag: brun run --host --network none`;
  if (VOLUMES.includes(name)) return `a volume is a flag: brun run --host -v DIR:/mnt`;
  const near = closest(name, commands);
  if (near !== undefined) return `did you mean \`brun ${near}\`? ${list}`;
  if (!isProgram(name)) return list;
  return `in a copy of this machine: ${shellWords(["brun", "run", "--host", "--", name, ...argv])}`;
}

/** The error with a better hint where a flag of `run` stands in the place of the command: `brun --host ls`. */
export function hintForGlobals(error: unknown, argv: readonly string[]): unknown {
  if (!(error instanceof BrunError) || error.code !== "ERR_USAGE") return error;
  try {
    const { values, args } = parseFlags("run", sandboxRunFlags, argv, { short: true });
    const rooted = values.host || values.rootfs !== undefined ? [] : ["--host"];
    const flags = argv.slice(0, argv.length - args.length).filter((word) => word !== "--");
    const program = args.length > 0 ? ["--", ...args] : [];
    const hint = `flags stand after the command: ${shellWords(["brun", "run", ...rooted, ...flags, ...program])}`;
    return new BrunError(error.message, { code: error.code, exitCode: error.exitCode, hint, cause: error });
  } catch {
    return error;
  }
}
