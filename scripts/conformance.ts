/** Writes docs/spec-conformance.md from src/spec/conformance.ts; a test fails when it is out of date. */
import { writeFileSync } from "node:fs";
import { CONFORMANCE, type Support } from "../src/spec/conformance.ts";
import { OCI_VERSION_MAX } from "../src/spec/version.ts";

export const FILE = `${import.meta.dir}/../docs/spec-conformance.md`;

const INTRODUCTION = `# Conformance to the OCI runtime-spec

This page says how brun supports each field of config.json of runtime-spec ${OCI_VERSION_MAX}. \`brun features\` prints what
your machine supports, and \`brun explain\` what brun makes of one config.

\`[]\` is any member of a list, \`.*\` any key of an object. The column *without root* says what differs for a caller
without root: a condition, or that brun ignores or refuses the field.

Each field has at least one case in \`test/conformance\`, in which a process inside observes its effect.
[conformance-results.md](conformance-results.md) compares the results of brun, crun and runc. This page is made from
\`src/spec/conformance.ts\` by \`scripts/conformance.ts\`.
`;

/** Sections by the first words of their paths, with the document that specifies them. */
const SECTIONS: readonly (readonly [title: string, document: string, prefixes: readonly string[]])[] = [
  ["Version", "config.md", ["ociVersion"]],
  ["Process", "config.md#process", ["process"]],
  ["Root and names", "config.md#root", ["root", "hostname", "domainname"]],
  ["Mounts", "config.md#mounts", ["mounts"]],
  ["Hooks", "config.md#posix-platform-hooks", ["hooks"]],
  ["Annotations", "config.md#annotations", ["annotations"]],
  ["Linux", "config-linux.md", ["linux"]],
  [
    "Other platforms",
    "config.md#platform-specific-configuration",
    ["windows", "vm", "solaris", "zos", "freebsd"],
  ],
];

/** The page. */
export function conformanceText(): string {
  const sections = SECTIONS.map(([title, document, prefixes]) => {
    const rows = [...CONFORMANCE].filter(([path]) => prefixes.includes(/^\w+/.exec(path)![0]));
    return `## ${title}\n\nruntime-spec, ${document}.\n\n${table(grouped(rows))}`;
  });
  return `${INTRODUCTION}\n${sections.join("\n")}`;
}

/** Fields that follow each other and are treated alike share a row. */
function grouped(rows: readonly (readonly [string, Support])[]): [string[], Support][] {
  const groups: [string[], Support][] = [];
  for (const [path, support] of rows) {
    const last = groups.at(-1);
    if (last !== undefined && Bun.deepEquals(last[1], support)) last[0].push(path);
    else groups.push([[path], support]);
  }
  return groups;
}

function table(groups: readonly [string[], Support][]): string {
  const rows = groups.map(([paths, { status, note = "", rootless = "" }]) => {
    const cells = [paths.map((path) => `\`${path}\``).join("<br>"), status, note, rootless];
    return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
  });
  return `| field | support | condition or reason | without root |\n|---|---|---|---|\n${rows.join("")}`;
}

if (import.meta.main) writeFileSync(FILE, conformanceText());
