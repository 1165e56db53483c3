/** Hints for unknown commands: `brun stat`, `brun make test`, `brun inspect web`. */
import { BrunError } from "../errors.ts";
import { shellWords } from "../printable.ts";
import { closest } from "./closest.ts";
import { OTHER_ACTIONS } from "./image-other.ts";
import { OTHER_FLAGS } from "./other-flags.ts";
import { parseFlags } from "./parse.ts";
import { isProgram } from "./run-words.ts";
import { sandboxRunFlags } from "./sandbox-flags.ts";
import { UsageError } from "./usage-error.ts";

/** Commands of podman and docker that brun does in another way. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  inspect: "as JSON: brun state ID",
  system: "images that nothing needs: brun image prune; the containers: brun list",
  top: "the processes of a container: brun ps ID",
  unpause: "brun resume ID",
  restart: "a container is made anew for each run: `brun delete --force ID`, and the same `brun run` again",
  rename: "a container keeps its name: brun run --host --name NAME",
  cp: "the files of a running container: ls /proc/PID/root, where brun state ID tells the PID",
  export: "what a container changes: brun run --host --keep NAME, then brun diff NAME",
  shell: "a shell in a copy of this machine: brun run --host",
};

/** Commands on images that are actions of `brun image`. */
const OF_IMAGES: Readonly<Record<string, string>> = {
  images: "list",
  pull: "pull",
  push: "push",
  rmi: "remove",
  commit: "commit",
  import: "import",
};
const VOLUMES = ["volume", "mount"];

/**
 * The hint for a command that does not exist.
 * @param argv what follows it
 * @param commands the names of all commands
 */
export function hintForCommand(name: string, argv: readonly string[], commands: readonly string[]): string {
  const list = "`brun --help` lists the commands";
  const [id] = argv;
  if (Object.hasOwn(ELSEWHERE, name)) return ELSEWHERE[name]!.replaceAll(/\bID\b/g, id ?? "ID");
  if (Object.hasOwn(OF_IMAGES, name))
    return `images: ${shellWords(["brun", "image", OF_IMAGES[name]!, ...argv])}`;
  // After podman's own ones, which are about containers: diff, mount.
  if (Object.hasOwn(OTHER_ACTIONS, name) && !VOLUMES.includes(name)) return OTHER_ACTIONS[name]!;
  if (name === "network") return `a network is a flag: brun run --host --network none`;
  if (name === "port") return `a port is a flag: brun run --host --network pasta -p 8080:80`;
  // docker container ls
  if (name === "container" && commands.includes(id ?? "")) return shellWords(["brun", ...argv]);
  if (VOLUMES.includes(name)) return `a volume is a flag: brun run --host -v DIR:/mnt`;
  const near = closest(name, [...commands, ...Object.keys(OF_IMAGES)]);
  if (near !== undefined && Object.hasOwn(OF_IMAGES, near)) return hintForCommand(near, argv, commands);
  if (near !== undefined) return `did you mean \`${shellWords(["brun", near, ...argv])}\`? ${list}`;
  if (!isProgram(name)) return list;
  return `in a copy of this machine: ${shellWords(["brun", "run", "--host", "--", name, ...argv])}`;
}

/** The error with a better hint if there is a flag of `run` instead of a command: `brun --host ls`. */
export function hintForGlobals(error: unknown, argv: readonly string[]): unknown {
  if (!(error instanceof BrunError) || error.code !== "ERR_USAGE") return error;
  try {
    const { values, args } = parseFlags("run", sandboxRunFlags, argv, { short: true, others: OTHER_FLAGS });
    const rooted = values.host || (values.rootfs ?? values.image) !== undefined ? [] : ["--host"];
    const flags = argv.slice(0, argv.length - args.length).filter((word) => word !== "--");
    const program = args.length > 0 ? ["--", ...args] : [];
    const hint = `flags stand after the command: ${shellWords(["brun", "run", ...rooted, ...flags, ...program])}`;
    return new BrunError(error.message, { code: error.code, exitCode: error.exitCode, hint, cause: error });
  } catch (other) {
    return other instanceof UsageError && other.fault.hint === "rule" ? other : error;
  }
}
