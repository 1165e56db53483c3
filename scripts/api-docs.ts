/**
 * Writes docs/api.md from the docstrings of what src/index.ts exports: `bun scripts/api-docs.ts`, with --check it
 * only says whether the file is up to date. The declarations are the compiler's own.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";

const root = `${import.meta.dir}/..`;
const target = `${root}/docs/api.md`;

const HEAD = `# TypeScript API

This page describes the API for programs in Node (18.18 or later) and Bun: \`import { run, create, Container, doctor, explain }
from "brun"\`. Each call starts a brun process. It does not block your program's event loop, and leaves its signals and
children alone.

\`\`\`ts
import { run } from "brun";

// A copy of this machine, without its secrets; brun throws away what the program writes.
const { stdout, exitCode } = await run({ host: true, args: ["make", "test"], timeout: "10m" }).output();

// A root file system, for as long as the block lasts.
await using container = await run({ rootfs: "demo/rootfs", args: ["sleep", "100"], memory: "512m" });
await container.exec(["sh", "-c", "echo hello"], { stdout: "inherit" }).wait();
\`\`\`

- **Options** are the flags of \`brun run --host\`, \`--rootfs\` ([sandbox.md](sandbox.md)) and \`--image\` ([images.md](images.md)) in camel case, with
  their defaults: filter, init, hidden secrets. An unknown option, or a wrong combination, is a type error, and
  ERR_USAGE at run time.
- **Lifetime**: if your program ends, by \`process.exit\`, an exception or SIGKILL, the container ends, too.
  \`dieWithParent: false\` lets it go on.
- **Time**: \`signal\` and \`timeout\` stop a program, or brun while it makes the container. The AbortError has what the program
  had written.
- **Errors** are \`BrunError\`s: \`message\` is a whole sentence, \`code\` is for programs, \`path\` is the option or the place in
  the config, and \`hint\` says what to do.
- **The executable** is \`$BRUN\`, otherwise the one in the package, otherwise the one in PATH.

\`npm i brun\` installs the package where brun is published. Otherwise \`npm pack\` in a clone makes \`brun-0.1.0.tgz\`, which
you can install instead. In a clone \`node_modules/.bin/bun examples/api/untrusted.ts demo/rootfs -- sh -c "echo hello"\` runs
an example. \`await using\` needs TypeScript, or Node 24 or later; elsewhere write
\`try … finally { await container.delete({ force: true }) }\`.

Examples to begin with: [a test harness](../examples/api/test-harness.ts), [a runner of CI
steps](../examples/api/ci-runner.ts), [a sandbox for untrusted code](../examples/api/untrusted.ts), [a tool for an
agent](../examples/api/agent-tool.ts) that shows changes before it applies them, and asks before it reaches a name.

\`bun scripts/api-docs.ts\` makes this page from the docstrings.
`;

/** What is exported, in the order of the page. The types of config.json are those of the runtime-spec. */
const PAGE: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  [
    "Containers",
    [
      ["api/container", "run"],
      ["api/container", "create"],
      ["api/starting", "Starting"],
      ["api/spec", "ContainerOptions"],
      ["api/spec", "ContainerSource"],
      ["api/spec", "SandboxSource"],
      ["api/spec", "FromHost"],
      ["api/spec", "FromRootfs"],
      ["api/spec", "FromImage"],
      ["api/spec", "SandboxOptions"],
      ["api/spec", "Changes"],
      ["api/spec", "FromSpec"],
      ["api/spec", "FromBundle"],
      ["api/spec", "ContainerSettings"],
      ["api/process", "StdioOptions"],
      ["api/process", "InputOf"],
      ["api/process", "StdinOf"],
      ["api/process", "OutputOf"],
      ["api/runtime", "RuntimeOptions"],
      ["api/runtime", "CallOptions"],
      ["api/container", "Container"],
      ["api/container", "OwnContainer"],
      ["api/container", "ExecOptions"],
      ["sandbox/audit/report", "AuditReport"],
      ["sandbox/audit/report", "AuditedName"],
      ["api/process", "Process"],
      ["api/process", "Output"],
      ["container/types", "ContainerState"],
    ],
  ],
  [
    "Without a container",
    [
      ["api/confine", "confine"],
      ["api/confine", "ConfineOptions"],
    ],
  ],
  [
    "Changes",
    [
      ["api/changes", "keptChanges"],
      ["api/changes", "KeptChanges"],
      ["api/changes", "ChangesOptions"],
      ["api/changes", "Change"],
      ["api/changes", "ChangedEntry"],
      ["api/changes", "AppliedChange"],
    ],
  ],
  [
    "A network by name",
    [
      ["api/network", "NetworkListeners"],
      ["api/network", "NetworkQuestion"],
      ["api/network", "NetworkAnswer"],
      ["net/log", "NetworkEvent"],
      ["net/log", "NetEvent"],
      ["api/container", "NetworkChange"],
    ],
  ],
  [
    "Images",
    [
      ["api/images", "pull"],
      ["api/images", "PullOptions"],
      ["api/images", "push"],
      ["api/images", "PushOptions"],
      ["api/images", "RegistryOptions"],
      ["image/progress", "ImageEvent"],
      ["image/progress", "LayerState"],
      ["api/images", "images"],
      ["api/images", "Image"],
    ],
  ],
  [
    "Questions",
    [
      ["api/queries", "doctor"],
      ["api/queries", "explain"],
      ["api/queries", "features"],
    ],
  ],
  ["Configs", [["api/spec", "specOf"]]],
  [
    "Errors",
    [
      ["errors", "BrunError"],
      ["errors", "ErrorCode"],
      ["api/abort-error", "AbortError"],
    ],
  ],
];

/** Declarations of a module, as the compiler writes them. */
function declarations(dir: string, module: string): string {
  return readFileSync(`${dir}/src/${module}.d.ts`, "utf8");
}

/** Text of a docstring without its frame and links. */
function prose(docstring: string): string {
  return docstring
    .replace(/^\s*\/\*\*\s?|\s*\*\/\s*$/g, "")
    .replace(/^\s*\* ?/gm, "")
    .replace(/\{@link (?:\w+\.)?(\w+)\}/g, "`$1`")
    .replace(/^@throws (.*)/gm, "\nThrows: $1.")
    .replace(/^@returns (.*)/gm, "\nReturns $1.")
    .replace(/^@param (\w+) (.*)/gm, "\n`$1`: $2.")
    .trim();
}

/** One exported thing: heading, text, declaration without what is not for users. */
function section(text: string, name: string): string {
  const start = new RegExp(`^export (?:declare )?(?:class|function|interface|type) ${name}\\b`, "m").exec(
    text,
  );
  if (start === null) throw new Error(`${name} is not declared`);
  const docstring = /\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*$/.exec(text.slice(0, start.index))?.[0];
  if (docstring === undefined) throw new Error(`${name} has no docstring`);
  const lines = text.slice(start.index).split("\n");
  const last = lines[0]!.endsWith(";") ? 0 : lines.findIndex((line) => line === "}" || line === "};");
  const block = lines.slice(0, last + 1).join("\n");
  const shown = block
    .replace(/\n {4}\/\*\* @internal(?:(?!\*\/)[\s\S])*\*\/\n[^\n]*/g, "")
    .replace(/\n(?: {4}\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)? {4}(?:private|protected)[^\n]*/g, "")
    .replace(/^export (?:declare )?/, "")
    .replace(/readonly ((?:\w+|\[Symbol)\??[: ])/g, "$1")
    .replace(/\{@link (?:\w+\.)?(\w+)\}/g, "`$1`")
    .replace(/ {4}/g, "  ");
  return `### ${name}\n\n${prose(docstring)}\n\n\`\`\`ts\n${shown}\n\`\`\`\n`;
}

const dir = mkdtempSync(`${tmpdir()}/brun-types-`);
try {
  const compiler = [`${root}/node_modules/.bin/tsc`, "-p", `${root}/tsconfig.package.json`, "--outDir", dir];
  const { success, stdout } = Bun.spawnSync(compiler, { stdout: "pipe" });
  if (!success) throw new Error(stdout.toString());
  const parts = PAGE.map(([title, names]) =>
    [`## ${title}\n`, ...names.map(([module, name]) => section(declarations(dir, module), name))].join("\n"),
  );
  const page = [HEAD, ...parts].join("\n");
  if (!process.argv.includes("--check")) writeFileSync(target, page);
  else if (readFileSync(target, "utf8") !== page) {
    console.error("docs/api.md is not what the docstrings say: bun scripts/api-docs.ts");
    process.exit(1);
  }
} finally {
  rmSync(dir, { recursive: true });
}
