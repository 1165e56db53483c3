/** git's format for changes of binary files: both contents, deflated, in base 85 (git, diff.c and base85.c). */
import { deflateSync } from "node:zlib";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
/** The maximum number of bytes in a line. A letter at the beginning of a line is their number. */
const LINE = 52;

/** The lines after the line "index". */
export function binaryPatch(before: Uint8Array, after: Uint8Array): string {
  return `GIT binary patch\n${literal(after)}\n${literal(before)}\n`;
}

function literal(bytes: Uint8Array): string {
  const packed = deflateSync(bytes);
  const lines = [`literal ${bytes.length}`];
  for (let at = 0; at < packed.length; at += LINE) {
    const line = packed.subarray(at, at + LINE);
    lines.push(lengthLetter(line.length) + base85(line));
  }
  return `${lines.join("\n")}\n`;
}

/** A to Z for 1 to 26, and a to z for 27 to 52. */
function lengthLetter(length: number): string {
  return String.fromCharCode(length <= 26 ? 64 + length : 96 + length - 26);
}

/** Encodes each four bytes as five digits. The last bytes are padded with zeros. */
function base85(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4) {
    let value = 0;
    for (let i = 0; i < 4; i++) value = value * 256 + (bytes[at + i] ?? 0);
    let digits = "";
    for (let i = 0; i < 5; i++) {
      digits = ALPHABET[value % 85] + digits;
      value = Math.floor(value / 85);
    }
    text += digits;
  }
  return text;
}
