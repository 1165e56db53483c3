/** Errors of containers without a bundle: about the flag that a part of the config comes from. */
import { HookError } from "../container/lifecycle/hooks.ts";
import { BrunError } from "../errors.ts";
import { isAboutProgram, isMountOf } from "../plan/step.ts";
import type { Sandbox } from "../sandbox/spec.ts";
import { type LoadedSpec, parseSpec, toJson } from "../spec/index.ts";
import { StepError } from "../stage/step-error.ts";

/** The spec as the loader would give it. Throws a BrunError. */
export function checked(spec: Sandbox["spec"]): LoadedSpec {
  try {
    return parseSpec(toJson(spec, ""), "the flags", { holdsBytes: true });
  } catch (error) {
    if (!(error instanceof BrunError)) throw error;
    const where = error.where ?? "";
    const name = /^linux\.sysctl\["(.*)"\]$/.exec(where)?.[1];
    if (name !== undefined) throw aboutSysctl(name, error);
    const flag = FLAGS.find(([pattern]) => pattern.test(where))?.[1];
    throw flag === undefined ? error : error.about(flag, "ERR_USAGE");
  }
}

function aboutSysctl(name: string, error: BrunError): BrunError {
  const { message } = error.about(`--sysctl ${name}`);
  const hint = message.includes("network namespace") ? "`--network none` gives it one" : undefined;
  const told = message.replace(" in linux.namespaces", " of its own");
  return new BrunError(told, { code: "ERR_USAGE", where: "--sysctl", hint, cause: error });
}

/** The directory whose overlay the kernel refused; null for another failure. */
export function refusedOverlay({ placed }: Sandbox, error: unknown): string | null {
  if (!(error instanceof StepError) || !isMountOf(error.step, "overlay")) return null;
  const refused = placed[mountOf(error)];
  if (refused?.origin !== "root") return null;
  const lower = refused.mount.options?.find((option) => option.startsWith("lowerdir="));
  return lower?.slice("lowerdir=".length) ?? null;
}

/** Whether an error is about a mount that failed. */
export function isAboutMount(error: unknown): boolean {
  return error instanceof StepError && mountOf(error) >= 0;
}

/** The index of the mount that an error is about; -1 for another error. */
function mountOf({ where }: BrunError): number {
  return Number(/^mounts\[(\d+)\]/.exec(where ?? "")?.[1] ?? -1);
}

/** Flags of parts of the config. */
const FLAGS: readonly (readonly [RegExp, string])[] = [
  [/^linux\.resources\.memory/, "--memory"],
  [/^linux\.resources\.cpu\.(cpus|mems)/, "--cpuset-cpus"],
  [/^linux\.resources\.cpu/, "--cpus"],
  [/^linux\.resources\.pids/, "--pids-limit"],
  [/^linux\.sysctl/, "--sysctl"],
  [/^process\.oomScoreAdj/, "--oom-score-adj"],
  [/^process\.user\.additionalGids/, "--group-add"],
  [/^process\.user/, "--user"],
  [/^process\.cwd/, "--workdir"],
  [/^process\.(apparmorProfile|selinuxLabel)|^linux\.mountLabel/, "--security-opt"],
  [/^hostname/, "--hostname"],
  [/^root\.path/, "--rootfs"],
];

/** What a line of brun begins with. */
const OWN_LINE = "brun: ";

const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

/** A program that cannot be executed, as a shell, env(1) and podman tell it. */
function withExitCode(error: BrunError): BrunError {
  const exitCode = error.code === "ENOENT" ? NOT_FOUND : NOT_EXECUTABLE;
  const { message, code, hint } = error;
  return new BrunError(message, { code, hint, exitCode, cause: error });
}

/** An error about a part of the config names the flag that it comes from. */
export function withFlag({ placed }: Sandbox, error: unknown): unknown {
  if (!(error instanceof BrunError)) return error;
  if (error instanceof StepError && isAboutProgram(error.step)) return withExitCode(error);
  // These hooks are brun itself, whose errors name the flag already.
  if (error instanceof HookError && error.said.startsWith(OWN_LINE))
    return new BrunError(error.said.slice(OWN_LINE.length), { code: error.code, cause: error });
  const where = error.where ?? "";
  const flag = placed[mountOf(error)]?.flag ?? FLAGS.find(([pattern]) => pattern.test(where))?.[1];
  return flag ? error.about(flag) : error;
}

/** Decides something by the flags: an error about one is about how it was given. */
export function asUsage<T>(decide: () => T): T {
  try {
    return decide();
  } catch (error) {
    if (!(error instanceof BrunError) || error.code !== "ERR_FAILED" || !error.where?.startsWith("--"))
      throw error;
    throw new BrunError(error.message, { ...error, code: "ERR_USAGE", cause: error });
  }
}
