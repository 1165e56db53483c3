/** `brun kill`. */
import { kill } from "../container/lifecycle/kill.ts";
import { BrunError } from "../errors.ts";
import { shellWords } from "../printable.ts";
import { defineCommand } from "./command.ts";
import { openRuntime } from "./globals.ts";
import { killFlags } from "./hot-flags.ts";
import { matching } from "./match.ts";
import { parseSignal } from "./signals.ts";

export default defineCommand({
  meta: { name: "kill", description: "send a signal to a container" },
  details: `EXAMPLE
  brun kill web
  brun kill web KILL`,
  args: killFlags,
  others: {
    s: "the signal follows the id: brun kill ID KILL",
    signal: "the signal follows the id: brun kill ID KILL",
    l: "`kill -l` lists the signals",
    "9": "the signal follows the id: brun kill ID 9",
    KILL: "the signal follows the id: brun kill ID KILL",
    TERM: "the signal follows the id: brun kill ID TERM",
    INT: "the signal follows the id: brun kill ID INT",
    HUP: "the signal follows the id: brun kill ID HUP",
  },
  run({ args, data }) {
    const signal = signalOf(args);
    const runtime = openRuntime(data);
    for (const id of args.regex ? matching(runtime, args["container-id"]) : [args["container-id"]]) {
      kill(runtime, id, signal, args.all);
    }
  },
});

/** Throws a BrunError, which knows when the two stand the other way round. */
function signalOf({
  signal,
  "container-id": id,
}: {
  signal: string | undefined;
  "container-id": string;
}): number {
  try {
    return parseSignal(signal || "TERM");
  } catch (error) {
    if (!(error instanceof BrunError) || !isSignal(id)) throw error;
    const hint = `the id stands first: brun kill ${shellWords([signal!, id])}`;
    throw new BrunError(error.message, { code: error.code, hint });
  }
}

function isSignal(text: string): boolean {
  try {
    return parseSignal(text) > 0;
  } catch {
    return false;
  }
}
