/** --seccomp-record: an agent that records calls and writes a profile. */
import { BrunError } from "../../errors.ts";
import { parseSpec, toJson, toSharedJson } from "../../spec/index.ts";
import { parseJson } from "../../spec/json.ts";
import type { Seccomp } from "../../spec/seccomp.ts";
import { access, readTextIfThere, replaceFile, W_OK } from "../../sys/fs.ts";
import type { Ears } from "../agent.ts";
import { syscallOf } from "./names.ts";
import { allowedNames, recordedProfile } from "./profile.ts";

/** The request to an agent that records. */
export interface RecordRequest {
  /** The absolute path of the profile. */
  readonly file: string;
  /** The filter to start from; null for none. */
  readonly filter: Seccomp | null;
}

/** The request as text, for the hooks. */
export function recordRequest(request: RecordRequest): string {
  return toJson(request, "");
}

/** Throws a BrunError if the profile cannot be written. */
export function checkRecordFile(file: string): void {
  const fail = (why: string, hint?: string): never => {
    throw new BrunError(`the profile ${file} ${why}`, { where: "--seccomp-record", hint });
  };
  const directory = file.slice(0, file.lastIndexOf("/")) || "/";
  if (access(directory, W_OK) !== 0)
    fail(`cannot be written: ${directory} is not there, or not yours to write to`);
  try {
    earlier(file);
  } catch {
    fail("is there, and is no profile that could be added to", "name another file, or remove this one");
  }
}

/** The names that the file allows already. Throws if it is no profile. */
function earlier(file: string): string[] {
  const text = readTextIfThere(file);
  if (text === null || text.trim() === "") return [];
  const spec = `{"ociVersion":"1.3.0","process":{"cwd":"/","args":["true"]},"root":{"path":"/"},"linux":{"seccomp":${text}}}`;
  return allowedNames(parseSpec(spec, file).spec.linux!.seccomp!);
}

/** Checks the agent's result. Throws a BrunError with its message unless it has written the profile. */
export function checkRecorded(said: string | null): void {
  if (said !== null && said !== "" && said !== DONE) throw new BrunError(said, { where: "--seccomp-record" });
}

const DONE = "done";

/** Collects system calls, and writes the profile at the end. */
export function recorder(request: string): Ears {
  const seen: Seen = new Map();
  return {
    hear(arch, nr) {
      const numbers = seen.get(arch) ?? new Set();
      if (numbers.size === 0) seen.set(arch, numbers);
      numbers.add(nr);
    },
    result: () => written(request, seen),
  };
}

/** The calls that were seen: numbers by architecture. */
type Seen = Map<number, Set<number>>;

/** Writes the profile. Returns the text for the hook. */
function written(request: string, seen: Seen): string {
  try {
    const { file, filter } = parseJson(request, "the request", true) as RecordRequest;
    const names = new Set(earlier(file));
    for (const [arch, numbers] of seen) {
      for (const nr of numbers) {
        const name = syscallOf(arch, nr);
        if (name !== null) names.add(name);
      }
    }
    replaceFile(file, `${toSharedJson(recordedProfile(filter, names), "  ")}\n`, 0o644);
    return DONE;
  } catch (error) {
    return `the profile cannot be written: ${(error as Error).message}`;
  }
}
