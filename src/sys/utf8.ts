/**
 * Converts between text and bytes. For the kernel a string (an argument, a path, a variable) is a sequence of
 * bytes, mostly UTF-8. A byte that is not UTF-8 becomes a lone surrogate, U+DC80 to U+DCFF for 0x80 to 0xFF, and
 * the same byte again on output (Python's "surrogateescape", PEP 383). So all input can be passed on unchanged.
 * printable.ts shows such bytes to people; JSON cannot contain them (src/spec/json.ts).
 *
 * Buffer could do the rest, but its first use costs 0.15 to 0.3 ms, and TextEncoder's 0.01.
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const REPLACEMENT = "\ufffd";

/** The bytes of a text. A surrogate that stands for no byte becomes U+FFFD. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return text.isWellFormed() ? encoder.encode(text) : encodeEscaped(text);
}

/** The number of bytes of a text. */
export function utf8Length(text: string): number {
  return utf8(text).length;
}

/** The text for bytes, from which {@link utf8} makes the same bytes. A byte order mark stays. */
export function fromUtf8(bytes: Uint8Array): string {
  const text = decoder.decode(bytes);
  return text.includes(REPLACEMENT) ? decodeEscaped(bytes) : text;
}

/** The text without a byte order mark at its beginning. Editors on Windows write one. */
export function withoutMark(text: string): string {
  return text[0] === "\ufeff" ? text.slice(1) : text;
}

/** Whether a UTF-16 code unit stands for a byte that is not UTF-8. */
export function isEscapedByte(unit: number): boolean {
  return unit >= 0xdc80 && unit <= 0xdcff;
}

const isLow = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;

function encodeEscaped(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(3 * text.length);
  let length = 0;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0xd800 || unit > 0xdfff) continue;
    if (unit < 0xdc00 && isLow(text.charCodeAt(i + 1))) i++;
    else if (isEscapedByte(unit)) {
      length += encoder.encodeInto(text.slice(from, i), bytes.subarray(length)).written;
      bytes[length++] = unit & 0xff;
      from = i + 1;
    }
  }
  length += encoder.encodeInto(text.slice(from), bytes.subarray(length)).written;
  return bytes.slice(0, length);
}

function decodeEscaped(bytes: Uint8Array): string {
  let text = "";
  let from = 0;
  for (let i = 0; i < bytes.length; ) {
    const length = sequenceLength(bytes, i);
    if (length > 0) {
      i += length;
      continue;
    }
    text += decoder.decode(bytes.subarray(from, i)) + String.fromCharCode(0xdc00 + bytes[i]!);
    from = ++i;
  }
  return text + decoder.decode(bytes.subarray(from));
}

/** The length of the well-formed sequence at an offset; 0 if there is none (Unicode, table 3-7). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const second = bytes[at + 1] ?? 0;
  // Excludes overlong forms, surrogates, and code points above U+10FFFF.
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < least || second > most) return 0;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  for (let i = 2; i < length; i++) if (((bytes[at + i] ?? 0) & 0xc0) !== 0x80) return 0;
  return length;
}

/** Concatenates the chunks. */
export function joined(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (let i = 0; i < chunks.length; i++) length += chunks[i]!.length;
  const all = new Uint8Array(length);
  length = 0;
  for (let i = 0; i < chunks.length; i++) {
    all.set(chunks[i]!, length);
    length += chunks[i]!.length;
  }
  return all;
}
