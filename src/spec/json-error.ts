/** Finds the first mistake in a JSON text (RFC 8259): JavaScriptCore's JSON.parse gives no position. */
import { quoted } from "../printable.ts";
import { isEscapedByte } from "../sys/utf8.ts";

interface Mistake {
  readonly at: number;
  readonly expected: string;
  /** The text that was found, if it is not simply the one at `at`. */
  readonly found?: string;
}

/** Describes the mistake in a text that JSON.parse refuses: line, column, what was expected and what was found. */
export function describeSyntaxError(text: string): string {
  const mistake = findByte(text) ?? findMistake(text);
  if (mistake === null) return "not valid JSON";
  const before = text.slice(0, mistake.at);
  const line = before.split("\n").length;
  const column = mistake.at - before.lastIndexOf("\n");
  return `line ${line}, column ${column}: expected ${mistake.expected} but found ${mistake.found ?? foundAt(text, mistake.at)}`;
}

/** The first byte that is not UTF-8 (src/sys/utf8.ts). */
function findByte(text: string): Mistake | null {
  const at = text.search(/\p{Surrogate}/u);
  if (at < 0) return null;
  const unit = text.charCodeAt(at);
  const found = isEscapedByte(unit) ? `the byte 0x${(unit & 0xff).toString(16)}` : "half of a surrogate pair";
  return { at, expected: "UTF-8", found };
}

/** The character or word at a position. */
function foundAt(text: string, at: number): string {
  if (at >= text.length) return "the end of the file";
  const word = /^[\w$.+-]{1,40}/.exec(text.slice(at, at + 40));
  const found = word?.[0] ?? String.fromCodePoint(text.codePointAt(at)!);
  if (found === "\n" || found === "\r") return "the end of the line";
  return found === '"' ? 'a "' : quoted(found);
}

const LITERAL = /true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const SPACE = /[ \t\r\n]*/y;

/** The end of the match of a sticky pattern at a position, or -1. */
function matchEnd(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : -1;
}

/** Reads tokens with a stack of open brackets. It is not recursive, since the text may nest without limit. */
function findMistake(text: string): Mistake | null {
  const open: ("{" | "[")[] = [];
  let at = matchEnd(SPACE, text, 0);
  let next: "value" | "value or ]" | "key" | "key or }" | "separator" = "value";
  for (;;) {
    const c = text[at];
    const inside = open.at(-1);
    if (next === "separator") {
      if (inside === undefined) return at < text.length ? { at, expected: "the end of the file" } : null;
      if (c === (inside === "{" ? "}" : "]")) open.pop();
      else if (c === ",") next = inside === "{" ? "key" : "value";
      else return { at, expected: inside === "{" ? 'a "," or "}"' : 'a "," or "]"' };
      at++;
    } else if ((c === "}" && next === "key or }") || (c === "]" && next === "value or ]")) {
      open.pop();
      at++;
      next = "separator";
    } else if (next === "key" || next === "key or }") {
      if (c !== '"') return { at, expected: next === "key" ? "a key in quotes" : 'a key in quotes or "}"' };
      const end = stringEnd(text, at);
      if (typeof end !== "number") return end;
      at = matchEnd(SPACE, text, end);
      if (text[at] !== ":") return { at, expected: 'a ":"' };
      at++;
      next = "value";
    } else if (c === "{" || c === "[") {
      open.push(c);
      at++;
      next = c === "{" ? "key or }" : "value or ]";
    } else {
      const end = c === '"' ? stringEnd(text, at) : matchEnd(LITERAL, text, at);
      if (typeof end !== "number") return end;
      if (end < 0 || /[\w.]/.test(text[end] ?? "")) {
        return { at, expected: next === "value" ? "a value" : 'a value or "]"' };
      }
      at = end;
      next = "separator";
    }
    at = matchEnd(SPACE, text, at);
  }
}

/** The position after a string that starts at `at`, or the mistake in it. */
function stringEnd(text: string, at: number): number | Mistake {
  for (let i = at + 1; i < text.length; i++) {
    const c = text[i]!;
    if (c === '"') return i + 1;
    if (c === "\n" || c === "\r") return { at: i, expected: "the string's closing quote" };
    if (c < " ") {
      const code = c.charCodeAt(0).toString(16).padStart(4, "0");
      return { at: i, expected: "an escape in a string", found: `the control character U+${code}` };
    }
    if (c !== "\\") continue;
    i++;
    const rest = text.slice(i, i + 5);
    if (/^u[0-9a-fA-F]{4}/.test(rest)) i += 4;
    else if (!/^["\\/bfnrt]/.test(rest)) {
      return { at: i - 1, expected: "an escape in a string", found: quoted(`\\${rest[0] ?? ""}`) };
    }
  }
  return { at: text.length, expected: "the string's closing quote" };
}
