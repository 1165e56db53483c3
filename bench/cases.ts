/** What is measured, and the goals. */
import type { Stand } from "./setup.ts";

/** One command of a sample, or one whose time does not count. */
export interface Command {
  readonly timed: boolean;
  readonly argv: readonly string[];
}

/** One thing that runtimes are compared at. */
export interface Case {
  readonly key: string;
  readonly title: string;
  /** Goal: brun's time as a share of crun's. */
  readonly goal?: number;
  /** The jobs by name of the program. Called once; may start containers. */
  prepare(stand: Stand): Map<string, Command[]>;
  /** Takes away what `prepare` started. */
  finish?(stand: Stand): void;
}

const RUNTIMES = ["brun", "crun", "runc"] as const;
const timed = (...argv: string[]): Command => ({ timed: true, argv });

/** Jobs for each runtime that is there; `commands` gets the words that every command line begins with. */
function eachRuntime(
  stand: Stand,
  commands: (runtime: string[], name: string) => Command[],
): Map<string, Command[]> {
  const jobs = new Map<string, Command[]>();
  for (const name of RUNTIMES) {
    const path = stand.programs[name];
    if (path !== undefined) jobs.set(name, commands([path, "--root", stand.root(name)], name));
  }
  return jobs;
}

const SLEEPER = "bench-sleeper";

/** A container that waits, for what needs one; it stays created, or runs a program that never ends. */
function sleepers(stand: Stand, key: string): void {
  const bundle = stand.bundle(key, (spec) => {
    spec.process.args = ["/bin/pause"];
  });
  stand.addPause(`${bundle}/rootfs/bin/pause`);
  eachRuntime(stand, (runtime) => {
    stand.start([...runtime, "run", "--detach", "--bundle", bundle, SLEEPER]);
    return [];
  });
}

function endSleepers(stand: Stand): void {
  eachRuntime(stand, (runtime) => {
    stand.start([...runtime, "delete", "--force", SLEEPER]);
    return [];
  });
}

export const CASES: readonly Case[] = [
  {
    key: "run",
    title: "`run` of a static /bin/true, one id",
    goal: 0.85,
    prepare: (stand) => {
      const bundle = stand.bundle("run");
      const jobs = eachRuntime(stand, (runtime) => [timed(...runtime, "run", "--bundle", bundle, "bench")]);
      if (stand.programs.bwrap !== undefined) {
        const options =
          "--unshare-user --unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup --uid 0 --gid 0";
        const files = ["--bind", `${bundle}/rootfs`, "/", "--proc", "/proc", "--dev", "/dev"];
        jobs.set("bwrap", [timed(stand.programs.bwrap, ...options.split(" "), ...files, "/bin/true")]);
      }
      return jobs;
    },
  },
  {
    key: "run-ids",
    title: "`run`, 65,536 ids",
    goal: 1.0,
    prepare: (stand) => {
      const bundle = stand.bundle("run-ids", stand.manyIds);
      return eachRuntime(stand, (runtime) => [timed(...runtime, "run", "--bundle", bundle, "bench")]);
    },
  },
  {
    key: "run-seccomp",
    title: "`run`, one id, a seccomp profile like Docker's",
    prepare: (stand) => {
      const bundle = stand.bundle("run-seccomp", stand.docker);
      return eachRuntime(stand, (runtime) => [timed(...runtime, "run", "--bundle", bundle, "bench")]);
    },
  },
  {
    key: "lifecycle",
    title: "`create`, `start`, `delete --force`",
    prepare: (stand) => {
      const bundle = stand.bundle("lifecycle");
      return eachRuntime(stand, (runtime) => [
        timed(...runtime, "create", "--bundle", bundle, "bench"),
        timed(...runtime, "start", "bench"),
        timed(...runtime, "delete", "--force", "bench"),
      ]);
    },
  },
  {
    key: "exec",
    title: "`exec` of /bin/true in a running container",
    goal: 1.0,
    prepare: (stand) => {
      sleepers(stand, "exec");
      return eachRuntime(stand, (runtime) => [timed(...runtime, "exec", SLEEPER, "/bin/true")]);
    },
    finish: endSleepers,
  },
  {
    key: "state",
    title: "`state` of a running container",
    prepare: (stand) => {
      sleepers(stand, "state");
      return eachRuntime(stand, (runtime) => [timed(...runtime, "state", SLEEPER)]);
    },
    finish: endSleepers,
  },
  {
    key: "version",
    title: "`--version`: starting the program alone",
    prepare: (stand) => eachRuntime(stand, (runtime) => [timed(runtime[0]!, "--version")]),
  },
];
