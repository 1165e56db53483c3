/** The documents: their examples are run, one after the other, and print what the page says; their links lead somewhere. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { updateReadme } from "../bench/readme.ts";
import { isRoot } from "./support/caller.ts";
import { exampleHome, examplesOf } from "./support/examples.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";

const ROOT = `${import.meta.dir}/..`;
const subject = subjects(["brun"]).find(({ caller }) => caller.name === "user")!;

/** Pages and how many examples they have at least. */
const PAGES = [
  ["README.md", 8],
  ["docs/sandbox.md", 16],
  ["docs/rootless.md", 7],
  ["docs/migrating.md", 7],
] as const;

test.each(PAGES)(
  "%s: the examples print what the page says",
  async (page, least) => {
    const examples = examplesOf(page);
    expect(examples.length).toBeGreaterThanOrEqual(least);
    await using box = new Sandbox(subject);
    const run = exampleHome(box, subject.caller, page === "README.md");
    for (const { command, output } of examples) {
      expect({ command, output: await run(command) }).toEqual({ command, output });
    }
  },
  120_000,
);

const pages = [
  ...readdirSync(ROOT).filter((name) => name.endsWith(".md")),
  ...readdirSync(`${ROOT}/docs`)
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

test.each(pages)("%s: links lead to files that exist", (page) => {
  for (const [, target] of readFileSync(`${ROOT}/${page}`, "utf8").matchAll(
    /\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g,
  )) {
    const path = `${dirname(`${ROOT}/${page}`)}/${target}`;
    expect(`${target}: ${existsSync(path)}`).toBe(`${target}: true`);
  }
});

// The ids in it are those of a user with subordinate ids.
test.if(isRoot)("docs/session.svg is what brun prints", () => {
  const check = [process.execPath, "scripts/session-picture.ts", "--check"];
  const { exitCode, stderr } = Bun.spawnSync(check, { cwd: ROOT, stderr: "pipe" });
  expect([exitCode, stderr.toString()]).toEqual([0, ""]);
});

test("README.md has the numbers of docs/performance.md", () => {
  const readme = readFileSync(`${ROOT}/README.md`, "utf8");
  const performance = readFileSync(`${ROOT}/docs/performance.md`, "utf8");
  expect(updateReadme(readme, performance)).toBe(readme);
});

test("docs/README.md lists every page", () => {
  const index = readFileSync(`${ROOT}/docs/README.md`, "utf8");
  for (const page of pages.filter((name) => name.startsWith("docs/") && name !== "docs/README.md")) {
    expect(index).toContain(`(${page.slice("docs/".length)})`);
  }
});

test("docs/migrating.md names every flag of the installed bubblewrap that has a value for the sandbox", () => {
  const bwrap = Bun.which("bwrap");
  if (bwrap === null) return;
  const table = readFileSync(`${ROOT}/docs/migrating.md`, "utf8");
  const help = Bun.spawnSync([bwrap, "--help"]).stdout.toString();
  const few = ["--help", "--version", "--unshare-user-try", "--unshare-cgroup-try", "--userns", "--userns2"];
  const rare = [
    "--pidns",
    "--lock-file",
    "--sync-fd",
    "--block-fd",
    "--userns-block-fd",
    "--perms",
    "--chmod",
    "--level-prefix",
    "--not-a-security-boundary",
  ];
  const same = [
    "--dev-bind-try",
    "--assert-userns-disabled",
    "--add-seccomp-fd",
    "--bind-fd",
    "--ro-bind-fd",
  ];
  for (const [, flag] of help.matchAll(/^ +(--[\w-]+)/gm)) {
    if ([...few, ...rare, ...same].includes(flag!)) continue;
    const short = flag!.replace("--unshare-", "-");
    expect(table.includes(`\`${flag}`) || table.includes(`\`${short}\``) ? flag : `${flag} is missing`).toBe(
      flag!,
    );
  }
});
