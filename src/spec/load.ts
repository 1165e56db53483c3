/** Reads config.json and process.json. The result is a checked spec, or one line that says what is wrong. */
import { BrunError } from "../errors.ts";
import { exists, readText } from "../host/ask.ts";
import { E, errnoText } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { lazy } from "../sys/lazy.ts";
import { fitsProcess, fitsSpec } from "./fits.gen.ts";
import { parseJson, textPaths } from "./json.ts";
import type { Process } from "./process.ts";
import type { Spec } from "./spec.ts";
import type { Findings, Mistake } from "./validate/findings.ts";
import { validateProcess } from "./validate/process.ts";
import { validateSpec } from "./validate/spec.ts";

const issuesModule = lazy<typeof import("./issues.ts")>(() => require("./issues.ts"));

/** Options of {@link loadSpec}. */
export interface LoadOptions {
  /**
   * Whether brun adds a missing user namespace, and missing mappings, as it does for callers without root. If so,
   * settings that need them are accepted. True by default.
   */
  readonly addsUserNamespace?: boolean | undefined;
  /**
   * Whether brun itself has written the text, so that it may contain bytes that are not UTF-8 in
   * the form of {@link toJson}.
   */
  readonly holdsBytes?: boolean | undefined;
}

/** A checked config. */
export interface LoadedSpec {
  readonly spec: Spec;
  /**
   * One line each, lowercase, no full stop: requests that are not fulfilled, and values that
   * will be refused one day.
   */
  readonly warnings: readonly string[];
  /** The same for `--debug`: settings that are ignored without a consequence. */
  readonly notes: readonly string[];
  /** The text of the config. */
  readonly text: string;
}

/** The number of mistakes that an error lists. It only counts the others. */
const LISTED = 5;

/** Reads and checks a config.json. Throws a BrunError. */
export function loadSpec(path: string, options: LoadOptions = {}): LoadedSpec {
  return parseSpec(read(path), path, options);
}

/** Checks the text of a config.json; `where` is the file, for errors. Throws a BrunError. */
export function parseSpec(text: string, where: string, options: LoadOptions = {}): LoadedSpec {
  const spec = parse(text, where, "spec", options.holdsBytes) as Spec;
  const { errors, warnings, notes } = validateSpec(spec, options.addsUserNamespace ?? true);
  refuse(errors, where);
  return { spec, warnings, notes, text };
}

/**
 * Checks the text of a process.json, which is the `process` of a config; `where` is the file, for
 * errors. Throws a BrunError.
 */
export function parseProcess(text: string, where: string): Process {
  const process = parse(text, where, "process") as Process;
  const findings: Findings = { errors: [], warnings: [], notes: [] };
  validateProcess(process, "", findings);
  refuse(findings.errors, where);
  return process;
}

function parse(text: string, where: string, what: "spec" | "process", holdsBytes = false): unknown {
  const fits = what === "spec" ? fitsSpec : fitsProcess;
  let value = parseJson(text, where);
  if (!fits(value)) {
    value = parseJson(text, where, true);
    if (!fits(value)) {
      const { describeIssues } = issuesModule();
      refuse(describeIssues(what, value), where);
    }
  }
  if (text.includes("\\u0000"))
    refuse(
      textPaths(value, (x) => x.includes("\0")).map((path) => ({ path, text: "has a NUL byte" })),
      where,
    );
  if (!holdsBytes && (text.includes("\\ud") || text.includes("\\uD")))
    refuse(
      textPaths(value, (x) => !x.isWellFormed()).map((path) => ({
        path,
        text: "has half of a surrogate pair",
      })),
      where,
    );
  return value;
}

/** Throws an error for a file with mistakes. Its path is that of the first one. Does nothing without mistakes. */
function refuse(mistakes: readonly Mistake[], file: string): void {
  const [first] = mistakes;
  if (first === undefined) return;
  const more = mistakes.length - LISTED;
  const list = mistakes.slice(0, LISTED).map(mistakeText).join("; ");
  const where = first.path === "" ? { where: file } : { where: first.path, file };
  throw new BrunError(more > 0 ? `${list}; and ${more} more` : list, { code: "ERR_CONFIG", ...where });
}

/** A mistake on one line: "mounts[3].destination: expected …". */
export function mistakeText({ path, text }: Mistake): string {
  return path === "" ? text : `${path}: ${text}`;
}

function read(path: string): string {
  try {
    return readText(path);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    const directory = path.slice(0, path.lastIndexOf("/") + 1) || ".";
    const hint =
      error.errno !== E.ENOENT
        ? undefined
        : exists(directory)
          ? "`brun spec` makes a config.json; --bundle names the directory that has one"
          : "--bundle names the directory that has the config.json";
    const details = { code: error.code, where: path, hint, cause: error };
    throw new BrunError(`${path}: ${errnoText(error.errno)} (${error.code})`, details);
  }
}
