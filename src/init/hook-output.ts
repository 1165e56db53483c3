/** crun's annotations run.oci.hooks.stdout and run.oci.hooks.stderr: files that receive the output of hooks. */
import { layout } from "../plan/layout.ts" with { type: "macro" };
import type { ProgramBuilder, Slot } from "../plan/program.ts";
import { AT_FDCWD, O } from "../sys/fs.ts";

/** Offsets of stdout and stderr in a spawn request. */
export const HOOK_STREAMS = [layout("spawnRequest").stdio + 4, layout("spawnRequest").stdio + 8] as const;

type Annotations = Readonly<Record<string, string>> | undefined;

/** The paths in the annotations, by stream; a stream without an annotation has no entry. */
function hookOutputPaths(annotations: Annotations): ReadonlyMap<number, string> {
  const paths = new Map<number, string>();
  const [stdout, stderr] = [annotations?.["run.oci.hooks.stdout"], annotations?.["run.oci.hooks.stderr"]];
  if (stdout) paths.set(HOOK_STREAMS[0], stdout);
  if (stderr) paths.set(HOOK_STREAMS[1], stderr);
  return paths;
}

/** Open files by their offset in a spawn request. */
export type HookOutput = ReadonlyMap<number, Slot>;

/** Opens the files for appending, and creates missing ones. Undefined without annotations. */
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
