/** The pages for those who change brun name files that are there; the lines of all pages are short enough for a diff. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";

const root = `${import.meta.dir}/..`;
const pages = ["ARCHITECTURE.md", ...readdirSync(`${root}/docs/internals`).map((f) => `docs/internals/${f}`)];
const FOLDERS = ["src", "nsenter", "rootless", "test", "scripts"];

/** Whether something fits "a/{b,c}*.ts". */
function isThere(pattern: string): boolean {
  return pattern.includes("*") || pattern.includes("{")
    ? !new Bun.Glob(pattern).scanSync({ cwd: root, onlyFiles: false }).next().done
    : existsSync(`${root}/${pattern}`);
}

for (const page of pages) {
  const text = readFileSync(`${root}/${page}`, "utf8");
  test(`${page}: every file that it names is there`, () => {
    const named = [...text.matchAll(/`([^`\s]+)`|\b(test\/[\w./{},*-]+\.ts)/g)]
      .map((m) => m[1] ?? m[2]!)
      .filter((name) => FOLDERS.some((folder) => name === folder || name.startsWith(`${folder}/`)));
    expect(named.filter((name) => !isThere(name))).toEqual([]);
  });
}

/** Written by scripts, or texts that are compared with what brun prints. */
const MADE = ["api", "conformance-results", "errors", "places", "seccomp", "secrets", "spec-conformance"];
const written = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  ...pages,
  ...readdirSync(`${root}/docs`).map((f) => `docs/${f}`),
];

for (const page of new Set(
  written.filter((f) => f.endsWith(".md") && !MADE.some((name) => f === `docs/${name}.md`)),
)) {
  test(`${page}: every line of prose ends before column 100`, () => {
    const long = readFileSync(`${root}/${page}`, "utf8")
      .replace(/^```.*?^```|<!--.*?-->/gms, "")
      .split("\n")
      .filter((line) => !/^(\|| {4})/.test(line) && line.length > 100 && /\S\s+\S/.test(line.trim()));
    expect(long).toEqual([]);
  });
}

test("ARCHITECTURE.md stays a page", () => {
  expect(readFileSync(`${root}/ARCHITECTURE.md`, "utf8").split("\n").length).toBeLessThanOrEqual(151);
});
