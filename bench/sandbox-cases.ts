/** Cases about containers without a bundle: a cached run, compared with bubblewrap and a bundle, and a first run. */
import { type Case, type Command, forget, type Goal, timed } from "./case.ts";
import type { Stand } from "./setup.ts";

/** The first example of bubblewrap's manual page, with all namespaces. It has no state, filter or overlay, and hides nothing. */
const BWRAP = ["--ro-bind", "/", "/", "--unshare-all", "--proc", "/proc", "--dev", "/dev"];

function sandbox(
  key: string,
  title: string,
  goal: Goal,
  jobs: (stand: Stand, brun: readonly string[]) => Map<string, Command[]>,
): Case[] {
  const of = (stand: Stand): string[] => [stand.programs.brun!, "--root", stand.root(key)];
  return [
    { key, title: `${title}, cached`, goal, prepare: (stand) => jobs(stand, of(stand)) },
    {
      key: `${key}-first`,
      title: `${title}, for the first time`,
      goal,
      prepare: (stand) => {
        const made = jobs(stand, of(stand));
        for (const [name, commands] of made)
          if (name.startsWith("brun")) made.set(name, [forget(stand.root(key)), ...commands]);
        return made;
      },
    },
  ];
}

export const SANDBOX_CASES: readonly Case[] = [
  ...sandbox("run-host", "`run --host`", { share: 1.5, of: "bwrap" }, (stand, brun) => {
    const jobs = new Map([["brun", [timed(...brun, "run", "--host", "--", "/bin/true")]]]);
    const { bwrap } = stand.programs;
    if (bwrap !== undefined) jobs.set("bwrap", [timed(bwrap, ...BWRAP, "/bin/true")]);
    return jobs;
  }),
  {
    key: "run-host-200",
    title: "200 times `run --host` at once",
    goal: { share: 1.5, of: "bwrap" },
    copies: 200,
    everyNth: 20,
    prepare: (stand) => {
      const brun = [stand.programs.brun!, "--root", stand.root("run-host-200"), "run", "--host"];
      const jobs = new Map([["brun", [timed(...brun, "--", "/bin/true")]]]);
      const { bwrap } = stand.programs;
      if (bwrap !== undefined) jobs.set("bwrap", [timed(bwrap, ...BWRAP, "/bin/true")]);
      return jobs;
    },
  },
  {
    key: "run-host-commands",
    title: "1,000 different commands of one sandbox in turn, beside the same command each time",
    goal: { share: 1.1, of: "brun, one command" },
    rounds: 1000,
    prepare: (stand) => {
      const brun = [stand.programs.brun!, "--root", stand.root("run-host-commands"), "run", "--host", "--"];
      return new Map([
        ["brun", [timed(...brun, "/bin/true", "#", "of many")]],
        ["brun, one command", [timed(...brun, "/bin/true")]],
      ]);
    },
  },
  ...sandbox("run-rootfs", "`run --rootfs`, one id", { share: 1.3, of: "brun, a bundle" }, (stand, brun) => {
    const bundle = stand.bundle("run-rootfs");
    const flags = ["--userns", "single", "--rootfs", `${bundle}/rootfs`];
    return new Map([
      ["brun", [timed(...brun, "run", ...flags, "--", "/bin/true")]],
      ["brun, a bundle", [timed(...brun, "run", "--bundle", bundle, "bench")]],
    ]);
  }),
];
