/** A scanner for the texts in TypeScript sources. */

/** Stands for `${…}` in a text. */
export const HOLE = "…";

const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\breturn|\btypeof|\bcase)\s*$/;

/** The sources of the executable and the library, without tests and their support. */
export function sourceFiles(root: string): string[] {
  const files = [...new Bun.Glob("{src,rootless}/**/*.ts").scanSync(root)].sort();
  return files.filter((file) => !/\.test\.ts$|\/testing\//.test(file)).map((file) => `${root}/${file}`);
}

/** All string literals and templates. Texts in a template's holes are separate texts. */
export function textsOf(source: string): string[] {
  const found: string[] = [];
  let at = 0;

  /** Reads code up to the brace that closes a hole, or to the end of the file. */
  function code(end: string | null): void {
    let depth = 0;
    // The last code without comments. It tells a regular expression from a division.
    let before = "";
    while (at < source.length) {
      const c = source[at]!;
      if (c === end && depth === 0) return;
      if (c === "{") depth += 1;
      if (c === "}") depth -= 1;
      if (source.startsWith("//", at)) at = lineEnd();
      else if (source.startsWith("/*", at)) at = source.indexOf("*/", at) + 2;
      else {
        if (c === '"' || c === "'") string(c);
        else if (c === "`") template();
        else if (c === "/" && BEFORE_REGEX.test(before)) regex();
        else at += 1;
        before = before.slice(-20) + c;
      }
    }
  }

  /** The current character. Throws an Error at the end of the file: then the scanner has misread something. */
  function here(): string {
    const c = source[at];
    if (c === undefined) throw new Error("a text does not end");
    return c;
  }

  function lineEnd(): number {
    const end = source.indexOf("\n", at);
    return end < 0 ? source.length : end;
  }

  function escaped(): string {
    at += 2;
    const c = source[at - 1]!;
    return c === "n" ? "\n" : c;
  }

  function string(quote: string): void {
    let text = "";
    for (at += 1; here() !== quote; ) text += here() === "\\" ? escaped() : source[at++]!;
    at += 1;
    found.push(text);
  }

  function template(): void {
    let text = "";
    at += 1;
    while (here() !== "`") {
      if (source.startsWith("${", at)) {
        at += 2;
        code("}");
        at += 1;
        text += HOLE;
      } else text += here() === "\\" ? escaped() : source[at++]!;
    }
    at += 1;
    found.push(text);
  }

  function regex(): void {
    let inClass = false;
    for (at += 1; here() !== "/" || inClass; at += 1) {
      if (source[at] === "\\") at += 1;
      else if (source[at] === "[") inClass = true;
      else if (source[at] === "]") inClass = false;
    }
    at += 1;
  }

  code(null);
  return found;
}
