/** The syntax of git's config files (git-config(1), "Syntax"), as far as names of files need it. */

/** A variable of a config and its value. */
export interface GitVariable {
  /** Section and name in lower case, without a subsection: `core.hookspath`, `includeif.path`. */
  readonly key: string;
  readonly value: string;
}

const GAP = /(?:\s|[#;].*)*/y;
const SECTION = /\[([\w.-]+)(?:\s*"(?:[^"\\\n]|\\.)*")?\s*\]/y;
const NAME = /([a-z][a-z\d-]*)[ \t]*/iy;
const VALUE = /=[ \t]*((?:"(?:[^"\\\n]|\\[\s\S])*"|\\[\s\S]|[^"\\#;\n]+)*)/y;
const ESCAPES: Readonly<Record<string, string>> = { "\n": "", n: "\n", t: "\t", b: "\b" };

/** The variables of a config that have a value, up to the first error, as git reads none of a broken config. */
export function gitVariables(config: string): GitVariable[] {
  const text = config.replace(/^\ufeff/, "").replaceAll("\r\n", "\n");
  const found: GitVariable[] = [];
  let at = 0;
  let section = "";
  const next = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null) return undefined;
    at = pattern.lastIndex;
    return match[1] ?? "";
  };
  for (;;) {
    next(GAP);
    const title = next(SECTION);
    if (title !== undefined) {
      section = title.toLowerCase();
      continue;
    }
    const name = next(NAME);
    if (name === undefined) return found;
    const value = next(VALUE);
    if (value !== undefined) found.push({ key: `${section}.${name.toLowerCase()}`, value: unquoted(value) });
  }
}

function unquoted(value: string): string {
  return value
    .trimEnd()
    .replace(/"|\\([\s\S])/g, (_, escaped: string | undefined) =>
      escaped === undefined ? "" : (ESCAPES[escaped] ?? escaped),
    );
}
