/** crun's annotations run.oci.hooks.stdout and run.oci.hooks.stderr: files that hooks write to. */
import type { ProgramBuilder, Slot } from "../stage/program.ts";
import { AT_FDCWD, O } from "../sys/fs.ts";

/** Where the stdio of a spawn request is (nsenter/spawn.h): the descriptors of stdout and stderr. */
const streams = [
  ["run.oci.hooks.stdout", 36],
  ["run.oci.hooks.stderr", 40],
] as const;

/** Where those of stdout and stderr are in a spawn request. */
export const HOOK_STREAMS = [36, 40] as const;

type Annotations = Readonly<Record<string, string>> | undefined;

/** Paths of the annotations; no member for a stream that stays the runtime's. */
function hookOutputPaths(annotations: Annotations): ReadonlyMap<number, string> {
  const paths = new Map<number, string>();
  for (const [name, at] of streams) {
    const path = annotations?.[name];
    if (path) paths.set(at, path);
  }
  return paths;
}

/** Open files by their place in a spawn request. */
export type HookOutput = ReadonlyMap<number, Slot>;

/** Opens the files, which are made where they are missing and appended to. Undefined without annotations. */
export function openHookOutput(b: ProgramBuilder, annotations: Annotations): HookOutput | undefined {
  const paths = hookOutputPaths(annotations);
  if (paths.size === 0) return undefined;
  const flags = O.WRONLY | O.CREAT | O.APPEND | O.CLOEXEC;
  const open = (path: string) => {
    b.at("annotations", { kind: "hookOutput", path });
    return b.get("openat", [AT_FDCWD, b.str(path), flags, 0o700]);
  };
  return new Map([...paths].map(([at, path]) => [at, open(path)]));
}
