/** `run --explain-error`: the context of a failure. */
import { doctor, type Finding } from "../doctor/doctor.ts";
import { BrunError } from "../errors.ts";
import { type StepError, stepErrorOf } from "../stage/step-error.ts";
import type { Explanation } from "./explain.ts";
import { type ExplainedStep, PROGRAM_NAMES, stepsOf } from "./steps.ts";
import { changeLines, columns, idLines, type Marks, plain, shown } from "./text.ts";

/** Number of steps that are shown before and after the failed one. */
const NEIGHBOURS = 3;

/**
 * The failed step of the init program with its neighbours, the config, the changes of user-namespace-first, and
 * faults of the machine that may be the cause. Ends with a newline; empty parts are left out.
 * @param explanation null if the config could not be read
 */
export function failureText(
  error: unknown,
  explanation: Explanation | null,
  findings: readonly Finding[],
  marks: Marks = plain,
): string {
  const step = stepErrorOf(error);
  const parts: [string, string[]][] = [
    [
      "Where it failed",
      step === null ? ["before the container's process was started"] : stepLines(step, marks),
    ],
    [
      "Config",
      explanation === null ? [] : shown([`${explanation.config}, root file system ${explanation.rootfs}`]),
    ],
    ["Ids", explanation === null ? [] : shown(idLines(explanation))],
    ["Changed in the spec", explanation === null ? [] : changeLines(explanation, marks)],
    ["This machine (brun doctor)", shown(fitting(error, findings).flatMap(findingLines))],
  ];
  return parts
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => `\n${marks.title(title)}\n${lines.map((line) => `  ${line}\n`).join("")}`)
    .join("");
}

/** The present findings of {@link doctor}; empty if it fails. */
export function machineFindings(): Finding[] {
  try {
    return doctor();
  } catch {
    return [];
  }
}

function stepLines({ programs, program, op }: StepError, marks: Marks): string[] {
  const steps = stepsOf(programs[program]?.ops ?? []);
  const at = steps.findLastIndex(({ first }) => first <= op);
  const from = Math.max(0, at - NEIGHBOURS);
  const near = steps.slice(from, at + NEIGHBOURS + 1);
  const rows = columns(near.map(({ where, doing }) => [where, doing]));
  const lines = rows.map((row, i) => `${from + i === at ? "→" : " "} ${row}`);
  const call = (steps[at] as ExplainedStep | undefined)?.calls[op - (steps[at]?.first ?? 0)];
  return [
    `program ${PROGRAM_NAMES[program]}, step ${at + 1} of ${steps.length}`,
    ...lines.slice(0, at - from + 1),
    ...(call === undefined ? [] : [marks.dim(`    ${call}`)]),
    ...lines.slice(at - from + 1),
  ];
}

const USER_NAMESPACE = ["user-namespace", "newuidmap", "newgidmap", "subuid", "subgid", "id-maps"];
const CGROUPS = ["cgroup-version", "cgroup-delegation", "systemd-user", "libsystemd", "linger", "systemd"];

/** Ids of findings that may be the cause, by the prefix of the error's path. */
const CAUSES: readonly (readonly [path: string, findings: readonly string[]])[] = [
  ["linux.uidMappings", USER_NAMESPACE],
  ["linux.gidMappings", USER_NAMESPACE],
  ["linux.namespaces", USER_NAMESPACE],
  ["process.user", USER_NAMESPACE],
  ["--user", USER_NAMESPACE],
  ["--overlay", ["overlay", "fuse-overlayfs"]],
  ["mounts", ["proc", "sysfs", "overlay", "fuse-overlayfs", "idmapped-mounts", "user-namespace"]],
  ["linux.cgroupsPath", CGROUPS],
  ["linux.resources", CGROUPS],
  ["--cgroup", CGROUPS],
  ["--systemd-cgroup", CGROUPS],
  ["linux.seccomp", ["libseccomp"]],
  ["--network", ["network"]],
  ["--publish", ["network"]],
];

/**
 * Findings that keep any container from running, and those that may have caused this error. An error without a
 * path is about the machine.
 */
function fitting(error: unknown, findings: readonly Finding[]): Finding[] {
  // For a container without a bundle the error names a flag; its cause has the config path.
  const paths = [error, stepErrorOf(error)].flatMap((e) =>
    e instanceof BrunError && e.path !== undefined ? [e.path] : [],
  );
  const ids = new Set(
    CAUSES.filter(([path]) => paths.some((of) => of.startsWith(path))).flatMap(([, names]) => names),
  );
  const fits = (id: string) => paths.length === 0 || ids.has(id);
  return findings.filter(({ id, state }) => state === "fail" || (state === "warn" && fits(id)));
}

function findingLines({ state, id, what, fix, user }: Finding): string[] {
  const first = `${state === "fail" ? "✖" : "⚠"} ${id}: ${what}`;
  return fix === null ? [first] : [first, `  as ${user}: ${fix}`];
}
