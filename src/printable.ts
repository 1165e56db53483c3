/** Texts as messages show them. */
import { isEscapedByte } from "./sys/utf8.ts";

/** A text for people: bytes that are not UTF-8 (src/sys/utf8.ts) are shown as \xff. */
export function printable(text: string): string {
  if (text.isWellFormed()) return text;
  let shown = "";
  for (const character of text) {
    const code = character.charCodeAt(0);
    shown += isEscapedByte(code) ? `\\x${(code & 0xff).toString(16)}` : character;
  }
  return shown;
}

/** The text in quotes, as JSON has it but for such bytes. */
export function quoted(text: string): string {
  const json = JSON.stringify(text);
  if (text.isWellFormed()) return json;
  // A backslash of the text's own has become two.
  return json.replace(/\\\\|\\udc([89a-f][0-9a-f])/g, (match, byte) => (byte ? `\\x${byte}` : match));
}
