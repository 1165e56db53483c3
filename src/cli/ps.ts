/** `brun ps`. */
import { processes } from "../container/state/ps.ts";
import { BrunError } from "../errors.ts";
import { findProgram } from "../host/find-program.ts";
import { installHint, PACKAGES } from "../package-names.ts";
import { fromUtf8 } from "../sys/utf8.ts";
import { defineCommand } from "./command.ts";
import { isJson, psLines } from "./format.ts";
import { openRuntime } from "./globals.ts";
import { containerId, formatFlag } from "./hot-flags.ts";
import { print } from "./output.ts";

const CONTAINERS = "`brun ps ID` lists the processes of a container; the containers: brun list";

export default defineCommand({
  meta: { name: "ps", description: "list the processes of a container" },
  details: `EXAMPLE
  brun ps web
  brun ps web -o pid,args`,
  args: {
    "container-id": containerId,
    "ps-options": {
      type: "positional",
      required: false,
      rest: true,
      description: "options of ps(1) (default: -ef)",
    },
    format: formatFlag,
  },
  others: { a: CONTAINERS, all: CONTAINERS, q: `${CONTAINERS} --quiet`, quiet: `${CONTAINERS} --quiet` },
  run({ args, data }) {
    const json = isJson(args.format);
    const pids = processes(openRuntime(data), args["container-id"]);
    if (json) print(`${pids.length === 0 ? "null" : JSON.stringify(pids)}\n`);
    else print(psTable(pids, args["ps-options"]));
  },
});

/** With more pids the command line could get too long. */
const NAMED_MAX = 1000;

/** Runs the host's ps and keeps the lines of `pids`. */
function psTable(pids: readonly number[], options: readonly string[]): string {
  const path = findProgram("ps");
  if (path === null) {
    throw new BrunError("ps: executable file not found in $PATH", {
      hint: `${installHint(PACKAGES.ps)}, or use brun ps --format json`,
    });
  }
  const lines = (options.length === 0 ? linesOf(path, pids) : undefined) ?? allLines(path, pids, options);
  if (lines === undefined) {
    throw new BrunError("couldn't find PID field in ps output", { hint: "choose ps options that print it" });
  }
  return lines;
}

/**
 * What `ps -ef` prints of these processes. With -q it does not read those of the whole machine, and prints them in the
 * given order. Undefined for a ps that does not know -q. It fails also if none of them is there any more.
 */
function linesOf(path: string, pids: readonly number[]): string | undefined {
  if (pids.length === 0 || pids.length > NAMED_MAX) return undefined;
  const ps = Bun.spawnSync([path, "-f", "-q", pids.toSorted((a, z) => a - z).join()], { stderr: "pipe" });
  return ps.success ? psLines(fromUtf8(ps.stdout), pids) : undefined;
}

function allLines(path: string, pids: readonly number[], options: readonly string[]): string | undefined {
  const ps = Bun.spawnSync([path, ...(options.length === 0 ? ["-ef"] : options)], { stderr: "pipe" });
  const complaint = ps.stderr.toString().trim().split("\n")[0];
  if (!ps.success) throw new BrunError(`ps failed with exit code ${ps.exitCode}: ${complaint}`);
  return psLines(fromUtf8(ps.stdout), pids);
}
