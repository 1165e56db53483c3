/** Rules of `process` (runtime-spec, config.md#process; runc's validateProcessSpec and validator). */
import { CAPABILITIES } from "../../sys/constants.ts";
import { filtered } from "../../sys/lists.ts";
import { parseCpuList } from "../cpu-list.ts";
import { show } from "../json.ts";
import type { Capabilities, Process, Rlimit, Scheduler } from "../process.ts";
import type { Findings, Mistake } from "./findings.ts";

/**
 * Checks a process, whose types the schema has checked.
 * @param path "process", or "" if the process is the whole file
 */
export function validateProcess(process: Process, path: string, findings: Findings): void {
  const { errors, warnings, notes } = findings;
  const dot = path === "" ? "" : `${path}.`;
  const { args, cwd, env, rlimits, capabilities, scheduler, execCPUAffinity } = process;
  if (!cwd.startsWith("/"))
    errors.push({ path: `${dot}cwd`, text: `expected an absolute path but found ${show(cwd)}` });
  if (args === undefined || args.length === 0) {
    errors.push({
      path: `${dot}args`,
      text: `expected at least one string, the program to run, but found ${show(args)}`,
    });
  }
  if (env !== undefined) validateEnv(env, `${dot}env`, errors);
  if (capabilities !== undefined) {
    warnUnknown(capabilities, `${dot}capabilities`, warnings);
    noteAmbient(capabilities, `${dot}capabilities.ambient`, notes);
  }
  if (rlimits !== undefined) validateRlimits(rlimits, `${dot}rlimits`, errors);
  if (scheduler !== undefined) validateScheduler(scheduler, `${dot}scheduler`, errors);
  if (execCPUAffinity !== undefined) validateAffinity(execCPUAffinity, `${dot}execCPUAffinity`, errors);
  if (process.commandLine) notes.push(`${dot}commandLine: ignored, it is for Windows`);
  if (process.user.username) notes.push(`${dot}user.username: ignored, it is for Windows; uid counts`);
}

/** Checks that each entry is NAME=value. The value may be a secret, so it is not shown. */
export function validateEnv(env: readonly string[], path: string, errors: Mistake[]): void {
  for (let i = 0; i < env.length; i++) {
    const equals = env[i]!.indexOf("=");
    if (equals > 0) continue;
    const found = equals === 0 ? "an empty name" : show(env[i]);
    errors.push({ path: `${path}[${i}]`, text: `expected NAME=value but found ${found}` });
  }
}

const SETS = ["bounding", "effective", "inheritable", "permitted", "ambient"] as const;

/** Unknown names are ignored with a warning (runtime-spec: MUST be logged as a warning, SHOULD NOT fail). */
function warnUnknown(capabilities: Capabilities, path: string, warnings: string[]): void {
  const known: readonly string[] = CAPABILITIES;
  const unknown: string[] = [];
  for (const set of SETS) {
    for (const name of capabilities[set] ?? []) {
      if (!known.includes(name) && !unknown.includes(name)) unknown.push(name);
    }
  }
  if (unknown.length > 0) warnings.push(`${path}: unknown names are ignored: ${unknown.join(", ")}`);
}

/**
 * Notes ambient capabilities that are not both permitted and inheritable, which the kernel cannot raise
 * (capabilities(7)); they are left out. podman, buildah and the config of runc 1.1's `spec` ask for
 * them in every container.
 */
function noteAmbient(capabilities: Capabilities, path: string, notes: string[]): void {
  for (const set of ["inheritable", "permitted"] as const) {
    const missing = filtered(capabilities.ambient ?? [], (name) => !capabilities[set]?.includes(name));
    if (missing.length === 0) continue;
    notes.push(`${path}: can't raise ambient capability ${missing.join(", ")}: not in the ${set} set`);
  }
}

function validateRlimits(rlimits: readonly Rlimit[], path: string, errors: Mistake[]): void {
  const seen: string[] = [];
  for (let i = 0; i < rlimits.length; i++) {
    const { type, soft, hard } = rlimits[i]!;
    if (seen.includes(type)) errors.push({ path: `${path}[${i}].type`, text: `${type} is listed twice` });
    seen.push(type);
    if (soft > hard)
      errors.push({
        path: `${path}[${i}].soft`,
        text: `expected at most the hard limit ${hard} but found ${soft}`,
      });
  }
}

/** sched(7): runtime <= deadline <= period. A period of 0 stands for the deadline. */
function validateDeadline(scheduler: Scheduler, path: string, errors: Mistake[]): void {
  const [runtime, deadline, period] = [
    scheduler.runtime ?? 0,
    scheduler.deadline ?? 0,
    scheduler.period ?? 0,
  ];
  if (runtime < 1024)
    errors.push({ path: `${path}.runtime`, text: `expected at least 1024 nanoseconds but found ${runtime}` });
  if (deadline < runtime)
    errors.push({
      path: `${path}.deadline`,
      text: `expected at least the runtime ${runtime} but found ${deadline}`,
    });
  if (Number(period) !== 0 && period < deadline) {
    errors.push({
      path: `${path}.period`,
      text: `expected at least the deadline ${deadline} but found ${period}`,
    });
  }
}

function validateScheduler(scheduler: Scheduler, path: string, errors: Mistake[]): void {
  const { policy, nice = 0, priority = 0 } = scheduler;
  if ((policy === "SCHED_OTHER" || policy === "SCHED_BATCH") && (nice < -20 || nice > 19)) {
    errors.push({ path: `${path}.nice`, text: `expected -20 to 19 but found ${nice}` });
  }
  if (priority !== 0 && policy !== "SCHED_FIFO" && policy !== "SCHED_RR") {
    errors.push({ path: `${path}.priority`, text: `needs the policy SCHED_FIFO or SCHED_RR, not ${policy}` });
  }
  // With these flags the kernel ignores the other fields.
  if (scheduler.flags?.some((flag) => flag.startsWith("SCHED_FLAG_KEEP_"))) return;
  if ((policy === "SCHED_FIFO" || policy === "SCHED_RR") && (priority < 1 || priority > 99)) {
    errors.push({ path: `${path}.priority`, text: `expected 1 to 99 but found ${priority}` });
  }
  if (policy === "SCHED_DEADLINE") {
    validateDeadline(scheduler, path, errors);
    return;
  }
  for (const key of ["runtime", "deadline", "period"] as const) {
    if (scheduler[key])
      errors.push({ path: `${path}.${key}`, text: `needs the policy SCHED_DEADLINE, not ${policy}` });
  }
}

function validateAffinity(
  affinity: NonNullable<Process["execCPUAffinity"]>,
  path: string,
  errors: Mistake[],
): void {
  for (const key of ["initial", "final"] as const) {
    const cpus = affinity[key];
    if (!cpus || parseCpuList(cpus) !== null) continue;
    errors.push({ path: `${path}.${key}`, text: `expected CPUs such as "0-3,7" but found ${show(cpus)}` });
  }
}
