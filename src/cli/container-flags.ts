/** Flags and options that create and run share. */
import { USERNS_MODES, type UsernsMode } from "../../rootless/default-ids.ts";
import { PROC_MODES, type ProcMode } from "../config/bind-proc.ts";
import type { CreateOptions } from "../container/types.ts";
import { BrunError } from "../errors.ts";
import { quoted } from "../printable.ts";
import { absolute } from "../sys/fs.ts";
import { found } from "../sys/lists.ts";
import type { Values } from "./flags.ts";
import type { Session } from "./globals.ts";

/** The id under which a container is known. */
export const containerId = {
  type: "positional",
  description: "name of the container, unique under the state directory",
} as const;

/** `--timing`. */
export const timing = {
  type: "boolean",
  description: "print the phases with their times on stderr",
} as const;

/** `--preserve-fds`. */
export const preserveFds = {
  type: "string",
  integer: true,
  valueHint: "n",
  description: "hand on n more descriptors, after 0-2 and those of LISTEN_FDS",
} as const;

/** `--console-socket`. */
export const consoleSocket = {
  type: "string",
  valueHint: "socket",
  description: "Unix socket that is sent the master side of the terminal",
} as const;

/** `--pid-file`. */
export const pidFile = {
  type: "string",
  valueHint: "file",
  description: "write the process id here",
} as const;

/** `--pidfd-socket`. */
export const pidfdSocket = {
  type: "string",
  valueHint: "socket",
  description: "Unix socket that is sent a pidfd of the process",
} as const;

/** `--userns`. */
export const userns = {
  type: "string",
  valueHint: USERNS_MODES.join("|"),
  description: "ids that the config does not map: the caller's alone, the subordinate ones too",
} as const;

/** `--proc`. */
export const proc = {
  type: "string",
  valueHint: PROC_MODES.join("|"),
  description: "a procfs of its own, or the outer one: by what can be had, or as told",
} as const;

export const createFlags = {
  "container-id": containerId,
  bundle: {
    type: "string",
    alias: "b",
    valueHint: "dir",
    description: "bundle directory (default: the current directory)",
  },
  config: {
    type: "string",
    alias: "f",
    valueHint: "file",
    description: "take this file instead of the bundle's config.json",
  },
  "console-socket": consoleSocket,
  "pidfd-socket": pidfdSocket,
  "pid-file": pidFile,
  "no-pivot": {
    type: "boolean",
    description: "change the root without pivot_root, for root filesystems on a ramdisk",
  },
  init: {
    type: "boolean",
    description: "a small init is process 1, and the program its child",
  },
  "no-new-keyring": { type: "boolean", description: "keep the caller's session keyring" },
  "preserve-fds": preserveFds,
  "explain-error": {
    type: "boolean",
    description: "when it fails, say more: the step, what was changed for the caller, what the machine lacks",
  },
  userns,
  proc,
  timing,
} as const;

/** What create and run are asked to do. */
export function createOptions(args: Values<typeof createFlags>): CreateOptions {
  return {
    id: args["container-id"],
    bundle: args.bundle || ".",
    config: args.config,
    consoleSocket: args["console-socket"] || undefined,
    pidfdSocket: args["pidfd-socket"] || undefined,
    pidFile: absoluteIfGiven(args["pid-file"]),
    noPivot: args["no-pivot"],
    noNewKeyring: args["no-new-keyring"],
    init: args.init || undefined,
    preserveFds: args["preserve-fds"] ?? 0,
    userns: usernsOf(args.userns),
    proc: procOf(args.proc),
  };
}

/** The value of `--userns`. Throws a BrunError. */
export function usernsOf(text: string | undefined): UsernsMode | undefined {
  return oneOf("--userns", USERNS_MODES, text);
}

/** The value of `--proc`. Throws a BrunError. */
export function procOf(text: string | undefined): ProcMode | undefined {
  return oneOf("--proc", PROC_MODES, text);
}

function oneOf<T extends string>(flag: string, words: readonly T[], text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  const word = found(words, (name) => name === text);
  if (word !== undefined) return word;
  throw new BrunError(`there is no ${quoted(text)}`, {
    code: "ERR_USAGE",
    where: flag,
    hint: `expected ${words.join(", ")}`,
  });
}

/** Says more about a failure of create or run when `--explain-error` asks for it. */
export async function explainFailure(
  error: unknown,
  { args, data }: { readonly args: Values<typeof createFlags>; readonly data: Session },
): Promise<void> {
  if (!args["explain-error"]) return;
  (await import("./explain-error.ts")).printFailure(error, data, () => createOptions(args));
}

/** A pid file's path, from the directory in which brun was called. */
export function absoluteIfGiven(path: string | undefined): string | undefined {
  return path ? absolute(path) : undefined;
}
