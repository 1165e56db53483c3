/** Debug lines for people, by consola. */
import { createConsola, LogLevels } from "consola";
import type { LogOptions } from "./log.ts";
import { printError } from "./output.ts";

/** @param colours whether stderr is a terminal */
export function prettyLines(colours: boolean): NonNullable<LogOptions["human"]> {
  // consola's own stream would be process.stderr, which sets O_NONBLOCK on a pipe that others share.
  const stream = { write: (text: string) => printError(text) } as unknown as NodeJS.WriteStream;
  const options = {
    level: LogLevels.debug,
    fancy: colours,
    stdout: stream,
    stderr: stream,
    formatOptions: { date: false, colors: colours, columns: 0 },
  };
  const consola = createConsola(options);
  return (level, message) => {
    if (level === "warning") consola.warn(message);
    else consola[level](message);
  };
}
