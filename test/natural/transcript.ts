/**
 * commands.txt: command lines and what they print.
 *
 *     ## heading
 *     # comment
 *     $ command line, for sh
 *     > a line of stdout; all of them are the whole of it
 *     ~ what stdout has in it
 *     ! what stderr has in it; without such a line it is empty
 *     = exit code, when it is not 0
 */

/** A command line and what is expected of it. */
export interface Case {
  readonly heading: string;
  readonly line: string;
  readonly stdout: readonly string[];
  readonly inStdout: readonly string[];
  readonly inStderr: readonly string[];
  readonly code: number;
}

/** Takes the text apart. Throws for a line that is none of these. */
export function parseTranscript(text: string): Case[] {
  const cases: {
    -readonly [K in keyof Case]: K extends "stdout" | "inStdout" | "inStderr" ? string[] : Case[K];
  }[] = [];
  let heading = "";
  for (const [i, line] of text.split("\n").entries()) {
    const rest = line.slice(2);
    const last = cases.at(-1);
    if (line.startsWith("## ")) heading = line.slice(3);
    else if (line === "" || line.startsWith("#")) continue;
    else if (line.startsWith("$ ")) {
      cases.push({ heading, line: rest, stdout: [], inStdout: [], inStderr: [], code: 0 });
    } else if (last === undefined) throw new Error(`line ${i + 1}: no command stands before it`);
    else if (line === ">" || line.startsWith("> ")) last.stdout.push(rest);
    else if (line.startsWith("~ ")) last.inStdout.push(rest);
    else if (line.startsWith("! ")) last.inStderr.push(rest);
    else if (/^= \d+$/.test(line)) last.code = Number(rest);
    else throw new Error(`line ${i + 1}: ${line}`);
  }
  return cases;
}
