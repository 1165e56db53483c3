/** Questions that change nothing. */
import type { Finding } from "../doctor/finding.ts";
import type { Explanation } from "../explain/explain.ts";
import type { Features } from "../features/features.ts";
import { call } from "./invoke.ts";
import type { StdioOptions } from "./process.ts";
import type { CallOptions, RuntimeOptions } from "./runtime.ts";
import { type ContainerSettings, type ContainerSource, source } from "./spec.ts";

/** The largest exit code with which doctor prints findings. */
const DOCTOR_FOUND = 2;

/**
 * Finds out by trying whether containers without root work here.
 * @returns the findings, in the order in which containers need them; all is well if every `state` is "ok"
 */
export async function doctor(options: RuntimeOptions & CallOptions = {}): Promise<Finding[]> {
  return JSON.parse(await call(options, ["doctor", "--json"], { accept: DOCTOR_FOUND }));
}

/**
 * Says what {@link run} with the same options would do and why, without doing it.
 * @throws BrunError the error with which `run` would refuse before it starts anything
 */
export async function explain(
  options: ContainerSource & ContainerSettings & StdioOptions,
): Promise<Explanation> {
  const { flags, program, sandbox, config } = source(options);
  const id = options.id === undefined ? [] : [sandbox ? `--name=${options.id}` : options.id];
  return JSON.parse(await call(options, ["explain", "--json", ...flags, ...id, ...program], { config }));
}

/** What this brun supports on this machine (runtime-spec, features.md). */
export async function features(options: RuntimeOptions & CallOptions = {}): Promise<Features> {
  return JSON.parse(await call(options, ["features"]));
}
