/**
 * What is exported is used by another file. By words, since code that is loaded when it is wanted
 * (`require(…) as typeof import(…)`) is not seen by the tools that follow imports.
 */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";

const root = `${import.meta.dir}/..`;
const files = [
  ...new Bun.Glob("{src,rootless,nsenter,scripts,bench,test,examples}/**/*.ts").scanSync({ cwd: root }),
];
const texts = new Map(files.map((file) => [file, readFileSync(`${root}/${file}`, "utf8")]));

// C has the numbers of src/plan/abi.ts by their names.
const inC = [...new Bun.Glob("nsenter/**/*.c").scanSync({ cwd: root })].map(
  (file) => [file, readFileSync(`${root}/${file}`, "utf8")] as const,
);

/** Which files have a word in them. */
const users = new Map<string, Set<string>>();
for (const [file, text] of [...texts, ...inC])
  for (const [word] of text.matchAll(/[A-Za-z_$][\w$]*/g))
    users.set(word, (users.get(word) ?? new Set()).add(file));

/** Values alone: a type may be exported so that others can name what they get. */
function exportsOf(text: string): string[] {
  const declared = /^export (?:async )?(?:const )?(?:function\*?|const|let|class|enum) ([\w$]+)/gm;
  return [...text.matchAll(declared)].map((match) => match[1]!);
}

test("what a file exports is named in another one", () => {
  // Type tests name what must not compile.
  texts.delete("test/api/types.ts");
  const unused = [...texts].flatMap(([file, text]) =>
    exportsOf(text)
      .filter((name) => users.get(name)!.size === 1)
      .map((name) => `${file}: ${name}`),
  );
  expect(unused).toEqual([]);
});
