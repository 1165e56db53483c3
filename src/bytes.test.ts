/**
 * What the kernel calls a string is bytes, and stays the same bytes (src/sys/utf8.ts). JavaScript's own ways in and out lose
 * those that are not UTF-8, silently: so these are used in few places, which know about it.
 */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";

const ROOT = `${import.meta.dir}/..`;

/** What loses bytes, what to take instead, and where it may be. */
const RULES: readonly {
  readonly pattern: RegExp;
  readonly instead: string;
  readonly allowed: readonly (readonly [file: string, why: string])[];
}[] = [
  {
    pattern: /\bprocess\.(argv|execPath)\b/,
    instead: "givenArguments and ownCommand of src/sys/environment.ts",
    allowed: [["src/sys/environment.ts", "looks for what Bun has lost"]],
  },
  {
    pattern: /\b(process|Bun)\.env\b/,
    instead: "variable and environment of src/sys/environment.ts",
    allowed: [
      ["src/sys/environment.ts", "looks for what Bun has lost"],
      ["src/api/", "of the program that imports it, which has these texts"],
    ],
  },
  {
    pattern: /\bprocess\.cwd\(/,
    instead: 'absolute(".") of src/sys/fs.ts',
    allowed: [["src/api/", "of the program that imports it"]],
  },
  {
    pattern: /\bBun\.which\b/,
    instead: "findProgram of src/sys/find-program.ts",
    allowed: [
      ["src/api/", "of the program that imports it"],
      ["src/cli/commit.ts", "runs when brun is built"],
    ],
  },
  {
    pattern: /\bText(De|En)coder\b|\bBuffer\.from\((`|"|\w+, ?"utf-?8")/,
    instead: "utf8 and fromUtf8 of src/sys/utf8.ts",
    allowed: [
      ["src/sys/utf8.ts", "is what there is instead"],
      ["src/api/text.ts", "text as JavaScript has it, of a stream"],
    ],
  },
  {
    // In a text for people bytes are \xff, not \udcff.
    pattern: /\$\{JSON\.stringify\(/,
    instead: "quoted of src/printable.ts",
    allowed: [
      ["src/cli/features.ts", "JSON that is printed"],
      ["src/cli/stats-table.ts", "JSON that is printed"],
      ["src/cli/image.ts", "JSON that is printed"],
      ["src/image/registry/credentials.ts", "JSON of others"],
      ["src/image/unpack/child.ts", "a message to brun itself"],
      ["src/cli/log.ts", "JSON of what is printable already"],
      ["src/spec/fits.write.ts", "writes source code"],
    ],
  },
];

/** A `process` of the file's own is the config's. */
const OWN_PROCESS = /(\bconst|\blet|[{(,])\s*process\s*[:,})=]/;

const files = [...new Bun.Glob("{src,rootless}/**/*.ts").scanSync(ROOT)]
  .filter((file) => !/\.test\.ts$|\/testing\//.test(file))
  .sort();

/** Without comments, and without texts that hold no code. */
function codeOf(file: string): string {
  return readFileSync(`${ROOT}/${file}`, "utf8")
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/\/\/.*/g, "")
    .replace(/"(?:[^"\\\n]|\\.)*"/g, '"');
}

for (const { pattern, instead, allowed } of RULES) {
  test(`${pattern.source}: ${instead}`, () => {
    const found = files.filter((file) => {
      const code = codeOf(file);
      if (pattern.source.includes("process") && OWN_PROCESS.test(code)) return false;
      return pattern.test(code);
    });
    const isAllowed = (file: string) => allowed.some(([path]) => file.startsWith(path));
    expect(found.filter((file) => !isAllowed(file))).toEqual([]);
    // None is allowed that has no need of it.
    const needless = allowed.filter(([path]) => !path.endsWith("/") && !found.some((file) => file === path));
    expect(needless).toEqual([]);
  });
}

test("there are files to look at", () => {
  expect(files.length).toBeGreaterThan(200);
});
