/** Command lines with bytes that are not UTF-8: what Bun starts gets text. */

const DECODE = `LC_ALL=C
words=()
for word; do printf -v word %b "$word"; words+=("$word"); done
exec "\${words[@]}"`;

/**
 * What a command is to be run by (CallOptions.under), so that \xff in its words is that byte.
 * @param variables NAME=value for its environment, and
 * @param cwd its directory, with such bytes, too
 */
export function inBytes(variables: readonly string[] = [], cwd?: string): string[] {
  const where = cwd === undefined ? [] : [`--chdir=${cwd}`];
  return ["bash", "-c", DECODE, "bash", "env", ...where, ...variables];
}

/** Shell code that prints words and variables in hexadecimal, a line each. */
export const HEX = `hex() { for w; do printf %s "$w" | od -v -An -tx1 | tr -d ' \\n'; echo .; done; }`;

/** What {@link HEX} prints of words in which \xff is that byte. */
export function hex(...words: readonly string[]): string {
  const bytes = (word: string) =>
    Buffer.from(
      word
        .replace(/[^\x00-\x7f]+/gu, (text) => Buffer.from(text).toString("latin1"))
        .replace(/\\x(..)/g, (_, byte) => String.fromCharCode(Number.parseInt(byte, 16))),
      "latin1",
    );
  return words.map((word) => `${bytes(word).toString("hex")}.\n`).join("");
}
