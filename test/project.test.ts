/** The project itself: what a clone must have, and the demo. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";

const ROOT = `${import.meta.dir}/..`;
const read = (file: string): string => readFileSync(`${ROOT}/${file}`, "utf8");

test("package-lock.json records no download hosts, and pins what package.json names", () => {
  const lock = JSON.parse(read("package-lock.json"));
  const manifest = JSON.parse(read("package.json"));
  interface Entry {
    resolved?: string;
    optionalDependencies?: Record<string, string>;
  }
  for (const [name, entry] of Object.entries<Entry>(lock.packages)) {
    expect(`${name}: ${entry.resolved}`).toBe(`${name}: undefined`);
    // npm leaves out what the registry at hand does not have, and `npm ci` then refuses the lock everywhere.
    for (const [optional, version] of Object.entries(entry.optionalDependencies ?? {})) {
      expect(`${optional} ${lock.packages[`node_modules/${optional}`]?.version}`).toBe(
        `${optional} ${version}`,
      );
    }
  }
  const wanted: Record<string, string> = { ...manifest.dependencies, ...manifest.devDependencies };
  for (const [name, version] of Object.entries(wanted)) {
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(lock.packages[`node_modules/${name}`].version).toBe(version);
  }
});

test("the documents name only commands and files that exist", () => {
  const { scripts } = JSON.parse(read("package.json"));
  for (const file of ["README.md", "CONTRIBUTING.md"]) {
    const text = read(file);
    for (const [, name] of text.matchAll(/npm run ([\w:-]+)/g)) {
      expect(`${file}: npm run ${name}: ${name! in scripts}`).toBe(`${file}: npm run ${name}: true`);
    }
    for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)) {
      expect(`${file}: ${target}: ${existsSync(`${ROOT}/${target}`)}`).toBe(`${file}: ${target}: true`);
    }
  }
});

test("the demo shows a container of an ordinary user", () => {
  const { stdout, stderr, exitCode } = Bun.spawnSync([process.execPath, "scripts/demo.ts"], {
    cwd: ROOT,
    stdin: "ignore",
  });
  const text = stdout.toString();
  expect(stderr.toString()).toBe("");
  expect(exitCode).toBe(0);
  expect(text).toMatch(/user +uid=[1-9]\d*\(/);
  expect(text).toMatch(/\$ id\n +uid=0\(root\)/);
  expect(text).toMatch(/^ +1 root +\/bin\/sh \/tour\.sh$/m);
  for (const title of ["User ids", "Processes", "Host name", "Capabilities", "Mounts", "Namespaces"]) {
    expect(text).toContain(`\n${title}\n`);
  }
  expect(text).toContain("exit code 0; containers left: none");
});
