/** The cases of the benchmark, and the goals. */
import { rmSync } from "node:fs";
import { type Case, type Command, forget, timed, untimed } from "./case.ts";
import { IMAGE_CASES } from "./image-cases.ts";
import { NETWORK_CASES } from "./network-cases.ts";
import { SANDBOX_CASES } from "./sandbox-cases.ts";
import type { Stand } from "./setup.ts";

/** Jobs for each installed runtime; `commands` gets the words with which every command line begins. */
function eachRuntime(
  stand: Stand,
  commands: (runtime: string[], name: string) => Command[],
): Map<string, Command[]> {
  const jobs = new Map<string, Command[]>();
  for (const name of stand.runtimes)
    jobs.set(name, commands([stand.programs[name]!, "--root", stand.root(name)], name));
  return jobs;
}

const SLEEPER = "bench-sleeper";

/** A container for cases that need one. It stays created, or runs a program that never ends. */
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

/** `run` with bind mounts: how the cost grows. */
function withMounts(count: number): Case {
  return {
    key: `run-mounts-${count}`,
    title: `\`run\` with ${count.toLocaleString("en")} bind mounts more`,
    point: { curve: "mounts besides the seven of the bundle", at: count },
    everyNth: count >= 1000 ? 10 : count >= 100 ? 2 : 1,
    prepare: (stand) => {
      const bundle = stand.bundle(`run-mounts-${count}`, (spec) => {
        for (let i = 0; i < count; i++) {
          const destination = `/data/${i}`;
          spec.mounts.push({ destination, type: "bind", source: "/tmp", options: ["bind", "ro"] });
        }
      });
      return eachRuntime(stand, (runtime) => [timed(...runtime, "run", "--bundle", bundle, "bench")]);
    },
  };
}

/** Many containers started in the same moment. Without keyrings: the kernel lets a user have 200 keys. */
function atOnce(copies: number): Case {
  return {
    key: `run-parallel-${copies}`,
    title: `${copies} times \`run\` at once`,
    goal: { share: 1.0, of: "crun" },
    copies,
    everyNth: copies / 10,
    prepare: (stand) => {
      const bundle = stand.bundle(`run-parallel-${copies}`);
      return eachRuntime(stand, (runtime) => [
        timed(...runtime, "run", "--no-new-keyring", "--bundle", bundle, "bench-@"),
      ]);
    },
  };
}

/** The time of a first `run` of a bundle. */
function firstTime(
  key: string,
  title: string,
  share: number,
  edit: (stand: Stand) => Parameters<Stand["bundle"]>[1],
): Case {
  return {
    key: `${key}-first`,
    title: `${title}, for the first time`,
    goal: { share, of: "crun" },
    prepare: (stand) => {
      const bundle = stand.bundle(`${key}-first`, edit(stand));
      return eachRuntime(stand, (runtime, name) => [
        forget(stand.root(name)),
        timed(...runtime, "run", "--bundle", bundle, "bench"),
      ]);
    },
  };
}

const LISTED = 1000;

/** `list` of many containers. */
function listing(key: string, title: string, share: number, isFirst: boolean): Case {
  return {
    key,
    title,
    goal: { share, of: "crun" },
    everyNth: 5,
    prepare: (stand) => {
      const bundle = stand.bundle(key);
      return eachRuntime(stand, (runtime, name) => {
        const make = [...runtime, "run", "--detach", "--no-new-keyring", "--bundle", bundle, "bench-@"];
        stand.repeat(make, LISTED);
        return [...(isFirst ? [forget(stand.root(name))] : []), timed(...runtime, "list")];
      });
    },
    // Their processes have ended: there is nothing but the directories.
    finish: (stand) => {
      for (const name of stand.runtimes) rmSync(stand.root(name), { recursive: true });
    },
  };
}

export const CASES: readonly Case[] = [
  {
    key: "run",
    title: "`run` of a static /bin/true, one id",
    goal: { share: 0.75, of: "crun" },
    point: { curve: "mounts besides the seven of the bundle", at: 0 },
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
  firstTime("run", "`run` of a static /bin/true, one id", 0.75, () => undefined),
  {
    key: "run-ids",
    title: "`run`, 65,536 ids",
    goal: { share: 0.9, of: "crun" },
    prepare: (stand) => {
      const bundle = stand.bundle("run-ids", stand.manyIds);
      return eachRuntime(stand, (runtime) => [timed(...runtime, "run", "--bundle", bundle, "bench")]);
    },
  },
  firstTime("run-ids", "`run`, 65,536 ids", 0.9, ({ manyIds }) => manyIds),
  {
    key: "run-seccomp",
    title: "`run`, one id, a seccomp profile like Docker's",
    goal: { share: 0.85, of: "crun" },
    prepare: (stand) => {
      const bundle = stand.bundle("run-seccomp", stand.docker);
      return eachRuntime(stand, (runtime) => [timed(...runtime, "run", "--bundle", bundle, "bench")]);
    },
  },
  firstTime("run-seccomp", "`run`, one id, a seccomp profile like Docker's", 0.85, ({ docker }) => docker),
  {
    key: "lifecycle",
    title: "`create`, `start`, `delete --force`",
    goal: { share: 1.0, of: "crun" },
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
    key: "create",
    title: "`create` alone, as engines call it",
    goal: { share: 1.1, of: "crun" },
    prepare: (stand) => {
      const bundle = stand.bundle("create");
      return eachRuntime(stand, (runtime) => [
        timed(...runtime, "create", "--bundle", bundle, "bench"),
        untimed(...runtime, "delete", "--force", "bench"),
      ]);
    },
  },
  {
    key: "exec-user",
    title: "`exec --user` of /bin/true in a running container",
    goal: { share: 0.4, of: "crun" },
    prepare: (stand) => {
      sleepers(stand, "exec-user");
      return eachRuntime(stand, (runtime) => [
        timed(...runtime, "exec", "--user", "0:0", SLEEPER, "/bin/true"),
      ]);
    },
    finish: endSleepers,
  },
  {
    key: "exec",
    title: "`exec` of /bin/true in a running container",
    goal: { share: 1.0, of: "crun" },
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
    key: "kill",
    title: "`kill` with SIGCONT",
    prepare: (stand) => {
      sleepers(stand, "kill");
      return eachRuntime(stand, (runtime) => [timed(...runtime, "kill", SLEEPER, "CONT")]);
    },
    finish: endSleepers,
  },
  ...[10, 100, 1000].map(withMounts),
  ...[50, 200].map(atOnce),
  listing("list-1000", "`list` of 1,000 containers", 1.0, false),
  listing("list-1000-first", "`list` of 1,000 containers, for the first time", 1.5, true),
  ...SANDBOX_CASES,
  ...NETWORK_CASES,
  ...IMAGE_CASES,
  {
    key: "version",
    title: "`--version`: starting the program alone",
    prepare: (stand) => eachRuntime(stand, (runtime) => [timed(runtime[0]!, "--version")]),
  },
];
