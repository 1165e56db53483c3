/**
 * Imports point one way: from the top of the table of folders in ARCHITECTURE.md to its end, those of types and of what is
 * loaded when it is wanted, too. Tests, and the scripts that build brun, may import everything.
 */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";

const root = resolve(import.meta.dir, "..");
const read = (file: string): string => readFileSync(`${root}/${file}`, "utf8");
const files = [...new Bun.Glob("{src,rootless,nsenter}/**/*.ts").scanSync({ cwd: root })].filter(
  (file) => !/\.(test|write)\.ts$|\/testing\/|^nsenter\/(abi|command-line)\.ts$/.test(file),
);

/** The rows of the table: a row names folders, or files of one (`src/plan/{abi,layout}.ts`). */
const rows = read("ARCHITECTURE.md")
  .split("\n")
  .flatMap((line) => (/^\| `/.test(line) ? [line.split("|")[1]!] : []))
  .map((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!))
  .filter((names) => names.some((name) => /^(src|rootless|nsenter)\b/.test(name)));

/** The row of a file: that of the longest name that fits. */
function rowOf(file: string): number {
  const fits = (name: string) =>
    name.includes("*") || name.includes("{")
      ? new Bun.Glob(name).match(file)
      : file === name || file.startsWith(`${name}/`);
  const lengths = rows.map((names) => Math.max(-1, ...names.filter(fits).map((name) => name.length)));
  return lengths.indexOf(Math.max(0, ...lengths));
}

function importsOf(file: string): string[] {
  const paths = [...read(file).matchAll(/(?:\bfrom |\bimport\(|\brequire\()"(\.[^"]+)"/g)].map(
    ([, path]) => path!,
  );
  return paths
    .map((path) => relative(root, resolve(root, dirname(file), path)))
    .filter((path) => path.endsWith(".ts"));
}

test("each file is in a row of the table", () => {
  expect(files.filter((file) => rowOf(file) < 0)).toEqual([]);
});

test("imports point from the top of the table to its end", () => {
  const wrong = files.flatMap((file) =>
    importsOf(file)
      .filter((target) => rowOf(target) < rowOf(file))
      .map((target) => `${file} → ${target}`),
  );
  expect(wrong).toEqual([]);
});

test("no file needs, by way of others, itself to be loaded", () => {
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  const graph = new Map(
    files.map((file) => {
      const values = transpiler.scanImports(read(file)).filter(({ kind }) => kind === "import-statement");
      const paths = values.filter(({ path }) => path.startsWith("."));
      return [file, paths.map(({ path }) => relative(root, resolve(root, dirname(file), path)))] as const;
    }),
  );
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, way: readonly string[]): void => {
    if (way.includes(file)) cycles.push([...way.slice(way.indexOf(file)), file].join(" → "));
    if (done.has(file) || way.includes(file)) return;
    for (const target of graph.get(file) ?? []) visit(target, [...way, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  expect(cycles).toEqual([]);
});

test("what is loaded when it is wanted, is so by lazy()", () => {
  const others = files.filter((file) => {
    const text = read(file);
    const calls = text.match(/(?<![.\w])require\("/g)?.length ?? 0;
    return calls !== (text.match(/\blazy<typeof import\("[^"]+"\)>\(\s*\(\) =>\s*require\("/g)?.length ?? 0);
  });
  expect(others.filter((file) => file !== "src/sys/lazy.ts")).toEqual([]);
});
