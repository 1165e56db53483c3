/**
 * --audit: the filter that notifies an agent of system calls, and the hooks that start the agent and write
 * the report.
 */
import { KEEPS_STDERR } from "../../config/hook-descriptors.ts";
import { BrunError } from "../../errors.ts";
import { agentDirectory, agentSocket, withAgentHooks } from "../../seccomp/agent.ts";
import { recordingFilter } from "../../seccomp/record/profile.ts";
import type { Hooks, Seccomp } from "../../spec/index.ts";
import type { SandboxOptions } from "../options.ts";
import { ownHook } from "../own-hook.ts";
import type { HostView } from "../view.ts";
import { AUDITED } from "./hear.ts";

/** The request for a report: an argument of the hooks. */
export interface AuditRequest extends NonNullable<SandboxOptions["audit"]> {
  /** Paths that the program could write to directly. */
  readonly direct: readonly string[];
  /** The file of --net-log. */
  readonly netLog: string | null;
}

/** In seconds. Comparing the written files may take long. */
const TIMEOUT_S = 600;

/** The filter and the hooks for --audit; null without it. Throws a BrunError. */
export function auditOf(
  options: SandboxOptions,
  filter: Seccomp | null,
  hooks: Hooks | undefined,
  view: HostView,
): { readonly filter: Seccomp; readonly hooks: Hooks } | null {
  const { audit, id, rw, volume, netLog } = options;
  if (audit === undefined) return null;
  const place = { directory: agentDirectory(view.stateDirectory), id };
  const hook = ownHook(view);
  const { HOME, XDG_DATA_HOME, XDG_RUNTIME_DIR } = view.environment;
  const variables = Object.entries({ HOME, XDG_DATA_HOME, XDG_RUNTIME_DIR }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  const request: AuditRequest = {
    ...audit,
    direct: [...rw, ...volume],
    netLog: netLog ?? null,
  };
  const heard = { names: () => AUDITED, has: (name: string) => AUDITED.includes(name) };
  return {
    filter: recordingFilter(filter, agentSocket(place), heard),
    hooks: withAgentHooks(hooks, "audit", place, JSON.stringify(request), (words) => ({
      ...hook(words),
      env: [...(hook(words).env ?? []), ...variables, KEEPS_STDERR],
      timeout: TIMEOUT_S,
    })),
  };
}

/**
 * The options for --audit. `kept` is the name under which the written files are kept for the report, or the
 * reason why they are not.
 * @param to the file for the report; undefined: stderr
 */
export function auditOptions(
  given: string | boolean,
  to: string | undefined,
  {
    keep,
    upper,
    writable,
    readOnly,
    overlay,
  }: Pick<SandboxOptions, "keep" | "upper" | "writable" | "readOnly" | "overlay">,
): NonNullable<SandboxOptions["audit"]> | undefined {
  if (given === false) return undefined;
  const told = { format: given === "json" ? "json" : "table", ...(to !== undefined && { to }) } as const;
  const why = writable
    ? "--writable has it written to the directory itself"
    : readOnly
      ? "with --read-only nothing of it can be written"
      : upper !== undefined
        ? "it is in the directory of --upper"
        : overlay === "none"
          ? "with --overlay none nothing of it can be written"
          : null;
  if (keep !== undefined) return { ...told, kept: { name: keep, temporary: false } };
  if (why !== null) return { ...told, kept: { why } };
  return { ...told, kept: { name: `audit-${crypto.randomUUID()}`, temporary: true } };
}

/** Throws a BrunError for flags that exclude --audit. */
export function checkAudit(given: string | boolean, others: Readonly<Record<string, boolean>>): void {
  if (given === false) return;
  for (const [flag, isGiven] of Object.entries(others)) {
    if (!isGiven) continue;
    throw new BrunError(`--audit and ${flag} exclude each other`, {
      code: "ERR_USAGE",
      where: "--audit",
      hint:
        flag === "--seccomp-record"
          ? "the kernel lets one agent hear of a program's calls"
          : "the report is told when a program in the foreground has ended",
    });
  }
}
