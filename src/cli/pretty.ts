/** Debug lines for people, by consola. */
import { createConsola, LogLevels } from "consola";
import { printable } from "../printable.ts";
import type { LogOptions } from "./log.ts";
import { printErrorRaw } from "./output.ts";

/** @param colours whether stderr is a terminal */
export function prettyLines(colours: boolean): NonNullable<LogOptions["human"]> {
  // consola's own stream would be process.stderr, which sets O_NONBLOCK on a pipe that others share.
  const stream = { write: (text: string) => printErrorRaw(text) } as unknown as NodeJS.WriteStream;
  const options = {
    level: LogLevels.debug,
    fancy: colours,
    stdout: stream,
    stderr: stream,
    formatOptions: { date: false, colors: colours, columns: 0 },
  };
  const consola = createConsola(options);
  return (level, message) => {
    const shown = printable(message);
    if (level === "warning") consola.warn(shown);
    else consola[level](shown);
  };
}
