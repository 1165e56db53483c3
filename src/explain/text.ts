/** Formats an explanation for people. */
import { printable } from "../printable.ts";
import { toJson } from "../spec/index.ts";
import { unifiedDiff } from "./diff.ts";
import type { Explanation } from "./explain.ts";
import type { MapLine } from "./maps.ts";
import type { ExplainedStep } from "./steps.ts";

/** How texts are marked on a terminal. Without a terminal they are not. */
export interface Marks {
  readonly title: (text: string) => string;
  readonly dim: (text: string) => string;
}

/** No marks. */
export const plain: Marks = { title: (text) => text, dim: (text) => text };

/**
 * The whole explanation.
 * @param syscalls whether to list the system calls of each step
 */
export function explanationText(e: Explanation, syscalls: boolean, marks: Marks = plain): string {
  const { uid, gid, name } = e.caller;
  const parts: [string, string[]][] = [
    ["Container", shown([`${e.id} of ${e.config}`, `root file system ${e.rootfs}`])],
    ["Caller", shown([`${name === null ? "" : `${name}, `}uid ${uid}, gid ${gid}`])],
    ["Namespaces", shown(namespaceLines(e))],
    ["Ids", shown(idLines(e))],
    ["Changed in the spec", changeLines(e, marks)],
    ["Cgroup", shown(cgroupLines(e))],
    ["Seccomp", shown(seccompLines(e))],
    ["Warnings", shown(e.warnings)],
    ["Without effect", shown(e.notes)],
    ...e.programs.map(({ name, steps }): [string, string[]] => [
      `Program ${name}`,
      stepLines(steps, syscalls, marks),
    ]),
  ];
  return parts
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => `${marks.title(title)}\n${lines.map((line) => `  ${line}\n`).join("")}`)
    .join("\n");
}

/** Makes lines of untrusted text printable. Has to be done before marks are added. */
export function shown(lines: readonly string[]): string[] {
  return lines.map((line) => printable(line, true));
}

/** The changes that user-namespace-first makes to config.json, as a diff. */
export function explanationDiff(e: Explanation): string {
  const text = (value: unknown) => `${toJson(value, "  ")}\n`;
  return unifiedDiff(text(e.given), text(e.spec), [e.config, "as it runs"]);
}

function namespaceLines({ namespaces }: Explanation): string[] {
  const made = namespaces.filter((n) => n.path === undefined).map((n) => n.type);
  const joined = namespaces.filter((n) => n.path !== undefined);
  return [
    ...(made.length === 0 ? [] : [`new: ${made.join(", ")}`]),
    ...joined.map((n) => `joined: ${n.type} by ${n.path}`),
    ...(namespaces.length === 0 ? ["none: everything is shared with the host"] : []),
  ];
}

/** The id maps as a table. */
export function idLines({ idMaps }: Explanation): string[] {
  if (idMaps === null) return ["as the host has them: no new user namespace"];
  const table = [...mapRows("uid", idMaps.uid), ...mapRows("gid", idMaps.gid)];
  return [
    ...columns([["", "inside", "outside", "ids", "from"], ...table]),
    `written by ${idMaps.writtenBy}; setgroups(2) is ${idMaps.setgroups ? "allowed" : "denied"}`,
  ];
}

function mapRows(kind: string, lines: readonly MapLine[]): string[][] {
  return lines.map((m, i) => [
    i === 0 ? kind : "",
    `${m.containerId}`,
    `${m.hostId}`,
    `${m.size}`,
    m.origin === "caller" ? "the caller" : m.origin,
  ]);
}

/** The changes of user-namespace-first. */
export function changeLines({ changes }: Explanation, marks: Marks): string[] {
  if (changes.length === 0) return ["nothing"];
  const lines = shown(columns(changes.map(({ where, what }) => [where, what])));
  const whys = shown(changes.map(({ why }) => `: ${why}`));
  return lines.map((line, i) => line + marks.dim(whys[i]!));
}

function cgroupLines({ cgroup: { plan, why } }: Explanation): string[] {
  if (plan === null) return [`the caller's own: ${why}`];
  const { systemd } = plan;
  const by =
    systemd === undefined
      ? "made in cgroupfs"
      : `made by systemd${systemd.user ? "'s user manager" : ""}: ${systemd.name} in ${systemd.slice}`;
  const directories = Object.entries(plan.paths).map(
    ([name, path]) => `${name === "" ? "" : `${name}: `}${path}`,
  );
  const part = plan.delegated === undefined ? [] : [`the container manages ${plan.delegated[0]}`];
  return [`its own, ${by}, because ${why}`, ...directories, ...part];
}

function seccompLines({ seccomp }: Explanation): string[] {
  if (seccomp === null) return ["no filter"];
  const agent = seccomp.notify ? ", some of its answers by an agent" : "";
  return [
    `a filter of ${seccomp.instructions} instructions${agent}`,
    `it ${seccomp.nesting ? "lets the program make" : "keeps the program from making"} namespaces and mounts`,
    ...seccomp.notes,
  ];
}

function stepLines(steps: readonly ExplainedStep[], syscalls: boolean, marks: Marks): string[] {
  const heads = columns(steps.map(({ where, doing }) => [where, doing]));
  if (!syscalls) return heads;
  return steps.flatMap(({ first, calls }, i) => [
    heads[i]!,
    ...calls.map((call, n) => marks.dim(`${`${first + n}`.padStart(6)}  ${call}`)),
  ]);
}

/** The maximum width of a column. A longer cell pushes the rest of its line to the right. */
const WIDTH = 36;

/** Formats rows as aligned columns. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const count = rows[0]?.length ?? 0;
  const widths = Array.from({ length: count }, (_, i) =>
    Math.min(WIDTH, Math.max(...rows.map((row) => row[i]!.length))),
  );
  return rows.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
}
