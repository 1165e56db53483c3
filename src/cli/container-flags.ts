/** The flags that create and run share. */

import type { CreateOptions } from "../container/types.ts";
import { BrunError } from "../errors.ts";
import { PROC_MODES, type ProcMode, USERNS_MODES, type UsernsMode } from "../modes.ts";
import { quoted } from "../printable.ts";
import { absolute } from "../sys/fs.ts";
import { found } from "../sys/lists.ts";
import type { Values } from "./flags.ts";
import type { Session } from "./globals.ts";
import type { createFlags } from "./hot-flags.ts";

/** The values of these flags. */
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
