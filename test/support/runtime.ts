/**
 * The runtimes for the common test cases: brun from `npm run build`, and crun and runc. These are Debian's if
 * installed, or those in CRUN and RUNC. RUNTIME=crun (or a list) in the environment selects other runtimes than
 * brun. They show whether a test checks what all runtimes do, or only what brun does.
 */
import { existsSync } from "node:fs";
import { type Caller, callers, installed, isRoot } from "./caller.ts";
import { brunPath } from "./workspace.ts";

export type RuntimeName = "brun" | "crun" | "runc";

export const ALL_RUNTIMES: readonly RuntimeName[] = ["brun", "crun", "runc"];

/** A runtime and its caller. Most test files loop over subjects. */
export interface Subject {
  readonly runtime: RuntimeName;
  readonly caller: Caller;
  /** The name of a describe block: "brun as user". */
  readonly label: string;
  /** Another build of brun than dist/brun. */
  readonly program?: string;
  /** The reason if it cannot run here, otherwise undefined. */
  readonly unavailable: string | undefined;
}

/** Whether the machine has only cgroup v2. crun does not support hybrid hosts. */
export const pureCgroup2: boolean = existsSync("/sys/fs/cgroup/cgroup.controllers");

/** Every caller with each of the runtimes, by default those in RUNTIME or else brun. */
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

/** The program of another runtime: that in CRUN or RUNC, otherwise the installed one. */
export function peerPath(runtime: Exclude<RuntimeName, "brun">): string {
  return process.env[runtime.toUpperCase()] || runtime;
}

function unavailable(runtime: RuntimeName): string | undefined {
  if (runtime === "brun") return undefined; // built by npm test; its absence is a failure
  if (!peerPath(runtime).startsWith("/") && !installed(runtime)) return `${runtime} is not installed`;
  if (runtime === "crun" && !pureCgroup2 && !isRoot) return "crun refuses hybrid cgroups";
  return undefined;
}

/**
 * Shell code that prepares a private mount namespace according to the words before "--", and then executes the
 * command after it.
 */
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
 * @param binds host files (source to target) to replace in a private mount namespace; root only
 * @param around a program and its arguments, with which the caller runs the runtime
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
  // On v2 crun loads a device program. It raises RLIMIT_MEMLOCK for that, which not every root may do.
  if (runtime === "crun" && caller.uid === 0) argv.push("--cgroup-manager=disabled");
  return preparations.length === 0 ? argv : inPrivateMounts(preparations, argv);
}

/**
 * A command line that executes `argv` in a private mount namespace (needs root).
 * @param preparations "cgroup2" for a pure cgroup v2 view, SOURCE:TARGET to bind a file over another
 */
export function inPrivateMounts(preparations: readonly string[], argv: readonly string[]): string[] {
  return ["unshare", "--mount", "sh", "-c", PRIVATE_MOUNTS, "sh", ...preparations, "--", ...argv];
}
