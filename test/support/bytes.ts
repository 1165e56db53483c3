/** Command lines with bytes that are not UTF-8. Bun can only start programs with text. */

const DECODE = `LC_ALL=C
words=()
for word; do printf -v word %b "$word"; words+=("$word"); done
exec "\${words[@]}"`;

/**
 * Words for CallOptions.under that turn \xff in the command's words into that byte.
 * @param variables NAME=value for its environment; they may have such bytes, too
 * @param cwd its directory, which may have such bytes, too
 */
export function inBytes(variables: readonly string[] = [], cwd?: string): string[] {
  const where = cwd === undefined ? [] : [`--chdir=${cwd}`];
  return ["bash", "-c", DECODE, "bash", "env", ...where, ...variables];
}

/** Shell code for a function that prints words in hexadecimal, one a line. */
export const HEX = `hex() { for w; do printf %s "$w" | od -v -An -tx1 | tr -d ' \\n'; echo .; done; }`;

/** The output of {@link HEX} for words in which \xff is that byte. */
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
