/**
 * The runtimes that the same cases run against: brun as built by `npm run build`, and Debian's crun and runc
 * where they are installed, or those that CRUN and RUNC name. RUNTIME=crun (or a list) in the environment chooses others than
 * brun, which shows whether a test asks for what runtimes do or for what brun happens to do.
 */
import { existsSync } from "node:fs";
import { type Caller, callers, installed, isRoot } from "./caller.ts";
import { brunPath } from "./workspace.ts";

export type RuntimeName = "brun" | "crun" | "runc";

export const ALL_RUNTIMES: readonly RuntimeName[] = ["brun", "crun", "runc"];

/** A runtime started by a caller; what most test files loop over. */
export interface Subject {
  readonly runtime: RuntimeName;
  readonly caller: Caller;
  /** "brun as user": for the name of a describe block. */
  readonly label: string;
  /** Another build of brun than dist/brun. */
  readonly program?: string;
  /** Why it cannot run here, or undefined. */
  readonly unavailable: string | undefined;
}

/** Whether the machine has cgroup v2 alone, without which crun refuses to work. */
export const pureCgroup2: boolean = existsSync("/sys/fs/cgroup/cgroup.controllers");

/** Every caller with each of the runtimes; the default is RUNTIME from the environment, else brun. */
export function subjects(runtimes: readonly RuntimeName[] = chosenRuntimes()): Subject[] {
  return runtimes.flatMap((runtime) =>
    callers().map((caller) => ({
      runtime,
      caller,
      label: `${runtime} as ${caller.name}`,
      unavailable: unavailable(runtime),
    })),
  );
}

function chosenRuntimes(): RuntimeName[] {
  const names = (process.env.RUNTIME ?? "brun").split(",");
  for (const name of names) {
    if (!ALL_RUNTIMES.includes(name as RuntimeName)) throw new Error(`RUNTIME: no runtime called '${name}'`);
  }
  return names as RuntimeName[];
}

/** A peer's program: the one that CRUN or RUNC in the environment names, else the installed one. */
export function peerPath(runtime: Exclude<RuntimeName, "brun">): string {
  return process.env[runtime.toUpperCase()] || runtime;
}

function unavailable(runtime: RuntimeName): string | undefined {
  if (runtime === "brun") return undefined; // built by npm test; its absence is a failure
  if (!peerPath(runtime).startsWith("/") && !installed(runtime)) return `${runtime} is not installed`;
  if (runtime === "crun" && !pureCgroup2 && !isRoot) return "crun refuses hybrid cgroups";
  return undefined;
}

/** Prepares a private mount namespace by the words up to "--", then becomes the command behind it. */
const PRIVATE_MOUNTS = `set -e
while [ "$1" != -- ]; do
  case $1 in
    cgroup2) umount -R /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup ;;
    *) mount --bind "\${1%%:*}" "\${1#*:}" ;;
  esac
  shift
done
shift
exec "$@"`;

/**
 * The command line that starts the runtime as the caller.
 * @param binds host files (source to target) to replace, in a mount namespace of this command's own; root only
 * @param around a program and its arguments that the caller has run the runtime
 */
export function runtimeArgv(
  subject: Subject,
  binds: Readonly<Record<string, string>> = {},
  around: readonly string[] = [],
): string[] {
  const { runtime, caller } = subject;
  const preparations = Object.entries(binds).map(([source, target]) => `${source}:${target}`);
  if (runtime === "crun" && !pureCgroup2) preparations.unshift("cgroup2");
  const argv = [
    ...caller.prefix,
    ...around,
    runtime === "brun" ? (subject.program ?? brunPath()) : peerPath(runtime),
  ];
  // On v2 crun loads a device program, for which it raises RLIMIT_MEMLOCK: not every root may do that.
  if (runtime === "crun" && caller.uid === 0) argv.push("--cgroup-manager=disabled");
  return preparations.length === 0 ? argv : inPrivateMounts(preparations, argv);
}

/**
 * A command line that becomes `argv` in a mount namespace of its own (needs root).
 * @param preparations "cgroup2" for a pure cgroup v2 view, SOURCE:TARGET to bind a file over another
 */
export function inPrivateMounts(preparations: readonly string[], argv: readonly string[]): string[] {
  return ["unshare", "--mount", "sh", "-c", PRIVATE_MOUNTS, "sh", ...preparations, "--", ...argv];
}
