/** Prints a container's output: unchanged to a file or a pipe, and without control characters to a terminal. */
import { printable } from "../printable.ts";
import { E } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { writeFd } from "../sys/fs.ts";
import { fromUtf8, joined, utf8 } from "../sys/utf8.ts";
import { exit } from "./output.ts";

const SIGPIPE_STATUS = 128 + 13;

/** Writes bytes as they are; a reader that has gone ends this process as SIGPIPE would. */
export function writeOutput(fd: number, bytes: Uint8Array): void {
  try {
    writeFd(fd, bytes, fd === 1 ? "stdout" : "stderr");
  } catch (error) {
    if (error instanceof SysError && error.errno === E.EPIPE) exit(SIGPIPE_STATUS);
    throw error;
  }
}

/** Colours and the like: the only sequence that stays (ECMA-48, SGR). */
const COLOUR = /\x1b\[[\d;:]*m/;
/** A possible beginning of such a sequence, or of a character. */
const UNFINISHED = /(\x1b(\[[\d;:]*)?|[\udcc2-\udcf4][\udc80-\udcbf]{0,2})$/;
/** The greatest length of a sequence. */
const HELD_MAX = 64;

/**
 * Text for a terminal, piece by piece: colours, tabs, newlines and carriage returns stay, other control characters are
 * shown as \u001b and the like.
 */
export class SafeText {
  private held = "";
  private coloured = false;

  add(bytes: Uint8Array): string {
    const text = fromUtf8(joined([utf8(this.held), bytes]));
    const cut = text.length - Math.min(UNFINISHED.exec(text)?.[0].length ?? 0, HELD_MAX);
    this.held = text.slice(cut);
    return this.shown(text.slice(0, cut));
  }

  /** Returns the text that is still held back, and resets the colour. */
  end(): string {
    const rest = this.shown(this.held);
    this.held = "";
    return rest + (this.coloured ? "\x1b[0m" : "");
  }

  private shown(text: string): string {
    let shown = "";
    for (const [i, part] of text.split(/(\x1b\[[\d;:]*m|\r)/).entries()) {
      if (i % 2 === 0) shown += printable(part);
      else shown += part;
      if (i % 2 === 1 && COLOUR.test(part)) this.coloured = true;
    }
    return shown;
  }
}
