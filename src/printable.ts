/** Texts as people and terminals get them. */
import { isEscapedByte } from "./sys/utf8.ts";

/**
 * Whether a character does something to a terminal instead of being shown: control characters (C0, DEL, C1, with which
 * escape sequences begin), and those that change the direction or the line of what follows (Unicode's bidirectional
 * controls, CVE-2021-42574).
 */
function acts(code: number): boolean {
  if (code < 0xa0) return code < 0x20 || code >= 0x7f;
  if (code < 0x200e) return code === 0x61c;
  return code <= 0x200f || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

const NEWLINE = 0x0a;
const TAB = 0x09;

function escaped(character: string, oneLine: boolean): string {
  const code = character.charCodeAt(0);
  if (isEscapedByte(code)) return `\\x${(code & 0xff).toString(16)}`;
  if (!acts(code) || (!oneLine && (code === NEWLINE || code === TAB))) return character;
  return `\\u${code.toString(16).padStart(4, "0")}`;
}

/** A text of that length is looked through faster by a regular expression, which is compiled first, than by a loop. */
const LONG = 2000;

/** Whether there is anything to escape. */
function isPlain(text: string, oneLine: boolean): boolean {
  if (text.length > LONG && (oneLine ? /^[ -~]*$/ : /^[\t\n -~]*$/).test(text)) return true;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (acts(code) && (oneLine || (code !== NEWLINE && code !== TAB))) return false;
  }
  return text.isWellFormed();
}

/**
 * A text for people: what would act on their terminal is shown as \u001b, bytes that are not UTF-8 (src/sys/utf8.ts) as
 * \xff. Newlines and tabs stay, unless it is to be one line. JSON text stays JSON of the same value: outside of
 * strings it has none of these but newlines.
 */
export function printable(text: string, oneLine = false): string {
  if (isPlain(text, oneLine)) return text;
  let shown = "";
  for (const character of text) shown += character.length > 1 ? character : escaped(character, oneLine);
  return shown;
}

/** The text in quotes, as JSON has it but for such bytes and characters. */
export function quoted(text: string): string {
  const json = printable(JSON.stringify(text));
  if (text.isWellFormed()) return json;
  // A backslash of the text's own has become two.
  return json.replace(/\\\\|\\udc([89a-f][0-9a-f])/g, (match, byte) => (byte ? `\\x${byte}` : match));
}

/** Words as a POSIX shell takes them: a line to type. Bytes that are not UTF-8, and control characters, are shown only. */
export function shellWords(words: readonly string[]): string {
  const safe = /^[\w@%+=:,./-]+$/;
  return printable(
    words.map((word) => (safe.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" "),
    true,
  );
}

/** What of a program's output is put into an error: its last lines, as one. */
export function endOfOutput(output: string): string {
  return output.trim().split("\n").slice(-3).join(" / ").slice(-400);
}
