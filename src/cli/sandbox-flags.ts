/** Flags of `run --rootfs` and `run --host`: podman's names, and what they amount to. */

import { checkId } from "../container/store.ts";
import { BrunError } from "../errors.ts";
import { OVERLAYS, type OverlayMode, type SandboxOptions, type SandboxRoot } from "../sandbox/options.ts";
import { absolute } from "../sys/fs.ts";
import { proc, procOf, timing, userns, usernsOf } from "./container-flags.ts";
import type { Flags, Values } from "./flags.ts";
import type { Parsed, parseCommand } from "./parse.ts";

const list = (valueHint: string, description: string, alias?: string) =>
  ({
    type: "string",
    multiple: true,
    valueHint,
    description,
    ...(alias !== undefined && { alias }),
  }) as const;

/** Flags that say what the container is: `explain` has them too. */
export const sandboxFlags = {
  "container-id": { type: "positional", required: false, description: "name of the container" },
  rootfs: { type: "string", valueHint: "dir", description: "a directory as the root; it is not written to" },
  host: { type: "boolean", description: "this machine as the root; what is written is thrown away" },
  upper: { type: "string", valueHint: "dir", description: "keep what is written in this directory" },
  overlay: {
    type: "string",
    valueHint: "auto|kernel|fuse|none",
    default: "auto",
    description: "who makes the copies on write",
  },
  writable: { type: "boolean", description: "write to the --rootfs directory itself" },
  "read-only": { type: "boolean", description: "a read-only root, with /tmp, /run and volumes to write to" },
  rw: list("path", "with --host: a path that is the real one, and writable"),
  hide: list("path", "with --host: a path that is not to be seen"),
  "with-secrets": { type: "boolean", description: "with --host: keys, tokens and histories are not hidden" },
  volume: list("[source:]path[:options]", "mount a path of the host", "v"),
  tmpfs: list("path[:options]", "mount a tmpfs"),
  workdir: { type: "string", alias: "w", valueHint: "dir", description: "where the program starts" },
  env: list("name[=value]", "a variable of the environment; without a value the caller's", "e"),
  "env-file": list("file", "a file with such lines"),
  user: { type: "string", alias: "u", valueHint: "user[:group]", description: "who runs the program" },
  userns,
  proc,
  interactive: { type: "boolean", alias: "i", description: "the program reads our stdin" },
  tty: { type: "boolean", alias: "t", description: "give it a terminal" },
  memory: { type: "string", alias: "m", valueHint: "size", description: "limit of the memory: 512m, 2g" },
  cpus: { type: "string", valueHint: "n", description: "limit of the CPU time: 0.5 is half of one CPU" },
  "pids-limit": { type: "string", valueHint: "n", description: "limit of processes and threads" },
  "cap-add": list("cap", "add a capability, or ALL"),
  "cap-drop": list("cap", "drop a capability, or ALL"),
  "security-opt": list("option", "seccomp=FILE|unconfined, no-new-privileges, apparmor=, mask=, unmask="),
  hostname: { type: "string", valueHint: "name", description: "its host name" },
  network: {
    type: "string",
    valueHint: "none|host|pasta|slirp4netns",
    description: "its network (default: none; with --host the host's)",
  },
  publish: list("[[address:]port:]port[/udp]", "lead a port of the host to one of the container", "p"),
  init: { type: "boolean", description: "a small init is process 1, and the program its child (default)" },
  "no-init": { type: "boolean", description: "the program is process 1 itself" },
  name: { type: "string", valueHint: "name", description: "name of the container (default: one is made up)" },
} as const satisfies Flags;

/** What else `run` takes with them. */
export const sandboxRunFlags = {
  ...sandboxFlags,
  detach: { type: "boolean", alias: "d", description: "return when the program has started" },
  "die-with-parent": {
    type: "boolean",
    description: "end with brun, however that ends (default in the foreground)",
  },
  "no-die-with-parent": { type: "boolean", description: "go on when brun has been killed" },
  rm: { type: "boolean", description: "with --detach: remove the container when it has ended" },
  timeout: {
    type: "string",
    integer: true,
    valueHint: "seconds",
    description: "kill the container after that time",
  },
  "ready-fd": { type: "string", integer: true, hidden: true, description: "for --detach: see background.ts" },
  "pid-file": { type: "string", valueHint: "file", description: "write the process id here" },
  "print-config": { type: "boolean", description: "print the config.json that the flags stand for, and end" },
  "explain-error": {
    type: "boolean",
    description: "when it fails, say more: the step, the mapping, the machine",
  },
  timing,
} as const satisfies Flags;

/** Whether the arguments ask for a container without a bundle. */
export function asksForSandbox(argv: readonly string[]): boolean {
  for (const arg of argv) {
    if (arg === "--") return false;
    if (/^--?(host|rootfs)(=|$)/.test(arg)) return true;
  }
  return false;
}

/**
 * Takes the arguments apart: flags and a name up to "--", the program behind it. `-it` is -i and -t.
 * Throws a BrunError.
 */
export function parseSandbox<const F extends Flags>(
  command: string,
  flags: F,
  argv: readonly string[],
  parse: typeof parseCommand,
  globals: Flags,
): { parsed: Parsed<F>; program: readonly string[] } {
  const end = argv.indexOf("--");
  const before = end < 0 ? argv : argv.slice(0, end);
  const split = before.flatMap((arg) =>
    /^-[itd]{2,3}$/.test(arg) ? [...arg.slice(1)].map((c) => `-${c}`) : [arg],
  );
  try {
    const parsed = parse(command, flags, split, globals);
    // What would be a name may be meant as the program, as podman takes it.
    if (end < 0 && "container-id" in parsed.values && parsed.values["container-id"] !== undefined) {
      throw programBehindDashes(command, asksForHost(before));
    }
    return { parsed, program: end < 0 ? [] : argv.slice(end + 1) };
  } catch (error) {
    const tooMany = error instanceof BrunError && error.message.includes("argument(s)");
    if (tooMany) throw programBehindDashes(command, asksForHost(before));
    if (!(error instanceof BrunError) || end >= 0 || error.message.includes('"--"')) throw error;
    const hint = `see brun ${command} --host --help; what belongs to the program stands behind "--"`;
    throw new BrunError(error.message, { code: error.code, hint });
  }
}

const asksForHost = (argv: readonly string[]) => argv.some((arg) => /^--?host$/.test(arg));

function programBehindDashes(command: string, host: boolean): BrunError {
  return new BrunError(`${command}: the program stands behind "--"`, {
    hint: `brun ${command} ${host ? "--host" : "--rootfs DIR"} -- ls -l`,
  });
}

const NAME_BYTES = 3;

/** The flags as options. Throws a BrunError for those that do not go together. */
export function sandboxOptions(
  command: string,
  args: Values<typeof sandboxFlags>,
  program: readonly string[],
  terminal: boolean,
): SandboxOptions {
  const root = rootOf(args);
  const positional = args["container-id"];
  if (root.kind === "host" && positional !== undefined) throw programBehindDashes(command, true);
  if (args.name !== undefined && positional !== undefined) {
    throw new BrunError(`two names are given: ${args.name} and ${positional}`, { where: "--name" });
  }
  if (args.writable && (root.kind === "host" || args.upper !== undefined || args["read-only"])) {
    throw new BrunError("goes with --rootfs alone, and neither with --upper nor with --read-only", {
      where: "--writable",
      hint: root.kind === "host" ? "--rw PATH leaves a path of the host writable" : undefined,
    });
  }
  if (args.upper !== undefined && args["read-only"]) {
    throw new BrunError("nothing is written with --read-only", { where: "--upper" });
  }
  const ofHost = args.rw.length > 0 ? "--rw" : args.hide.length > 0 ? "--hide" : "--with-secrets";
  if (root.kind === "rootfs" && (ofHost !== "--with-secrets" || args["with-secrets"])) {
    const hint = ofHost === "--hide" ? "--tmpfs PATH covers one" : "-v SOURCE:PATH mounts a path of the host";
    throw new BrunError("goes with --host", { where: ofHost, hint });
  }
  if (args.init && args["no-init"]) {
    throw new BrunError("--init and --no-init exclude each other", { where: "--init" });
  }
  const id = args.name ?? positional ?? madeUp(root);
  checkId(id);
  return {
    root,
    id,
    args: program,
    upper: args.upper,
    overlay: overlayOf(args.overlay),
    writable: args.writable,
    readOnly: args["read-only"],
    rw: args.rw,
    volume: args.volume,
    tmpfs: args.tmpfs,
    workdir: args.workdir,
    env: args.env,
    envFile: args["env-file"],
    user: args.user,
    userns: usernsOf(args.userns) ?? "auto",
    proc: procOf(args.proc) ?? "auto",
    terminal,
    memory: args.memory,
    cpus: args.cpus,
    pidsLimit: args["pids-limit"],
    capAdd: args["cap-add"],
    capDrop: args["cap-drop"],
    securityOpt: args["security-opt"],
    hostname: args.hostname,
    network: args.network,
    publish: args.publish,
    hide: args.hide,
    withSecrets: args["with-secrets"],
    init: !args["no-init"],
  };
}

function rootOf({ host, rootfs }: Values<typeof sandboxFlags>): SandboxRoot {
  if (host && rootfs !== undefined) {
    throw new BrunError("--rootfs and --host exclude each other", {
      hint: "the root is the one or the other",
    });
  }
  if (host) return { kind: "host" };
  if (!rootfs) throw new BrunError("--rootfs needs a directory", { hint: "--host takes this machine's own" });
  const path = absolute(rootfs);
  if (!path.isWellFormed()) {
    throw new BrunError(
      `${path} has bytes that are not UTF-8, which the container's state, JSON, cannot hold`,
      {
        where: "--rootfs",
        hint: "rename it, or make a symbolic link to it",
      },
    );
  }
  return { kind: "rootfs", path };
}

function overlayOf(text: string): OverlayMode {
  const mode = OVERLAYS.find((name) => name === text);
  if (mode !== undefined) return mode;
  throw new BrunError(`there is no overlay "${text}"`, { where: "--overlay", hint: OVERLAYS.join(", ") });
}

/** "host-4f2a1c", or the directory's name and such. */
function madeUp(root: SandboxRoot): string {
  const bytes = crypto.getRandomValues(new Uint8Array(NAME_BYTES));
  const random = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const name = root.kind === "host" ? "host" : (root.path.split("/").at(-1) ?? "");
  return `${/^[\w+.-]+$/.test(name) ? name : "rootfs"}-${random}`;
}
