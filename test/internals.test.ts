/** The pages for those who change brun name files that are there. */
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

  test(`${page}: every line of prose ends before column 100`, () => {
    const long = text
      .replace(/^```.*?^```/gms, "")
      .split("\n")
      .filter((line) => !line.startsWith("|") && line.length > 100);
    expect(long).toEqual([]);
  });
}

test("ARCHITECTURE.md stays a page", () => {
  expect(readFileSync(`${root}/ARCHITECTURE.md`, "utf8").split("\n").length).toBeLessThanOrEqual(151);
});
