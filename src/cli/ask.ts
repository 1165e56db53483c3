/** Questions for a login on the terminal. */
import { createInterface } from "node:readline";
import { ECHO, restoreTerminal, withoutModes } from "../container/io/terminal.ts";
import { BrunError } from "../errors.ts";
import { readFd } from "../sys/fs.ts";
import { fromUtf8 } from "../sys/utf8.ts";
import { isTerminal, printError } from "./output.ts";

/**
 * Asks a question.
 * @param unasked what is right without a terminal
 * @throws BrunError if there is no terminal
 */
export async function ask(question: string, host: string, unasked: string): Promise<string> {
  if (!isTerminal(0)) {
    throw new BrunError(`cannot ask who logs in to ${host}: there is no terminal`, {
      code: "ERR_USAGE",
      hint: unasked,
    });
  }
  printError(question);
  const lines = createInterface({ input: process.stdin });
  try {
    for await (const line of lines) return line.trim();
    return "";
  } finally {
    lines.close();
  }
}

/** --password-stdin: all of stdin but the end of the line. Throws a SysError. */
export function passwordInStdin(): string {
  return fromUtf8(readFd(0, "stdin")).replace(/\r?\n$/, "");
}

/** {@link ask}, and the terminal does not show the answer. */
export async function askHidden(question: string, host: string, unasked: string): Promise<string> {
  const before = withoutModes(0, ECHO);
  if (before === null) return ask(question, host, unasked);
  try {
    return await ask(question, host, unasked);
  } finally {
    restoreTerminal(0, before);
    printError("\n");
  }
}
