/** Reads config.json and process.json: text → checked spec, or one line that says what is wrong. */
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

/** What the caller of {@link loadSpec} knows. */
export interface LoadOptions {
  /**
   * brun adds a user namespace where the spec has none, and mappings where it gives none, as it does for callers
   * without root: what needs them is not refused. True unless said otherwise.
   */
  readonly addsUserNamespace?: boolean | undefined;
  /** The text is brun's own: it may hold bytes that are not UTF-8, as {@link toJson} writes them. */
  readonly holdsBytes?: boolean | undefined;
}

/** A checked config. */
export interface LoadedSpec {
  readonly spec: Spec;
  /** One line each, lowercase, no full stop: what is not as was asked for, values that will be refused one day. */
  readonly warnings: readonly string[];
  /** The same for `--debug`: what is ignored, and changes nothing. */
  readonly notes: readonly string[];
  /** What the config was read from. */
  readonly text: string;
}

/** Mistakes that one error lists; the rest are counted. */
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

/** Checks the text of a process.json, the `process` of a config; `where` is the file, for errors. Throws a BrunError. */
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

/** The error of a file with these mistakes, which is about the first of them; none without one. */
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
