/** Signal names, as `brun kill` takes them. Numbers are those of x86-64 and arm64 (signal(7)). */
import { BrunError } from "../errors.ts";

/** In the order of their numbers, from 1 on. */
export const SIGNAL_NAMES =
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU " +
  "URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS";
export const SIGNAL_ALIASES: Readonly<Record<string, string>> = { IOT: "ABRT", CLD: "CHLD", POLL: "IO" };

/** First and last real-time signal as glibc counts them; it keeps 32 and 33 for itself. */
const RTMIN = 34;
const RTMAX = 64;

/**
 * The number of a signal given as a number (0 to 64) or a name, in any case, with or without SIG; also RTMIN,
 * RTMIN+n, RTMAX and RTMAX-n.
 * @throws BrunError no such signal
 */
export function parseSignal(text: string): number {
  const first = text.charCodeAt(0);
  const upper = text.toUpperCase();
  const signal =
    first >= 0x30 && first <= 0x39 ? number(text) : byName(upper.startsWith("SIG") ? upper.slice(3) : upper);
  if (signal === undefined || signal > RTMAX) {
    throw new BrunError(`unknown signal "${text}"`, {
      hint: "`kill -l` lists the names; numbers go up to 64",
    });
  }
  return signal;
}

function number(text: string): number | undefined {
  for (let i = 0; i < text.length; i++) if (text[i]! < "0" || text[i]! > "9") return undefined;
  return Number(text);
}

function byName(name: string): number | undefined {
  const at = SIGNAL_NAMES.split(" ").indexOf(SIGNAL_ALIASES[name] ?? name);
  if (at >= 0) return at + 1;
  const [, end, sign, digits] = /^RT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name) ?? [];
  if (end === undefined) return undefined;
  const signal = (end === "MIN" ? RTMIN : RTMAX) + (sign === "-" ? -1 : 1) * Number(digits ?? 0);
  return signal >= RTMIN && signal <= RTMAX ? signal : undefined;
}
