/**
 * Every flag of runc 1.4 and 1.5 by command, hidden and obsolete ones too, and those of crun that its users need:
 * each is accepted in all of its forms, with the same meaning of "takes a value" and "may be repeated".
 */
import { describe, expect, test } from "bun:test";
import type { Flags } from "./flags.ts";
import { globalFlags } from "./hot-flags.ts";
import { commands } from "./main.ts";
import { parseCommand, parseGlobals } from "./parse.ts";

/** "name" or "name,alias"; the sign says what it takes: ! nothing, = a value, # a number, + values, * numbers. */
const CREATE = [
  "bundle,b=",
  "console-socket=",
  "pidfd-socket=",
  "pid-file=",
  "no-pivot!",
  "no-new-keyring!",
  "preserve-fds#",
];
const CRIU = [
  "tcp-established!",
  "ext-unix-sk!",
  "shell-job!",
  "file-locks!",
  "manage-cgroups-mode=",
  "empty-ns+",
];
const RUNC: Readonly<Record<string, readonly string[]>> = {
  create: CREATE,
  run: [...CREATE, "detach,d!", "keep!", "no-subreaper!"],
  start: [],
  state: [],
  pause: [],
  resume: [],
  features: [],
  spec: ["bundle,b=", "rootless!"],
  list: ["format,f=", "quiet,q!"],
  ps: ["format,f="],
  kill: ["all,a!"],
  delete: ["force,f!"],
  events: ["interval=", "stats!"],
  exec: [
    "console-socket=",
    "pidfd-socket=",
    "cwd=",
    "env,e+",
    "tty,t!",
    "user,u=",
    "additional-gids,g*",
    "process,p=",
    "detach,d!",
    "pid-file=",
    "process-label=",
    "apparmor=",
    "no-new-privs!",
    "cap,c+",
    "preserve-fds#",
    "cgroup+",
    "ignore-paused!",
  ],
  update: [
    "resources,r=",
    "blkio-weight=",
    "cpu-period=",
    "cpu-quota=",
    "cpu-burst=",
    "cpu-share=",
    "cpu-rt-period=",
    "cpu-rt-runtime=",
    "cpuset-cpus=",
    "cpuset-mems=",
    "cpu-idle=",
    "kernel-memory=",
    "kernel-memory-tcp=",
    "memory=",
    "memory-reservation=",
    "memory-swap=",
    "pids-limit=",
    "l3-cache-schema=",
    "mem-bw-schema=",
  ],
  checkpoint: [
    ...CRIU,
    "image-path=",
    "work-path=",
    "parent-path=",
    "leave-running!",
    "tcp-skip-in-flight!",
    "link-remap!",
    "lazy-pages!",
    "status-fd#",
    "page-server=",
    "pre-dump!",
    "auto-dedup!",
  ],
  restore: [
    ...CRIU,
    "console-socket=",
    "image-path=",
    "work-path=",
    "bundle,b=",
    "detach,d!",
    "pid-file=",
    "no-subreaper!",
    "no-pivot!",
    "auto-dedup!",
    "lazy-pages!",
    "lsm-profile=",
    "lsm-mount-context=",
  ],
};

const CRUN: Readonly<Record<string, readonly string[]>> = {
  create: ["config,f=", "no-subreaper!"],
  run: ["config,f="],
  kill: ["regex,r!"],
  delete: ["regex,r!"],
};

const GLOBAL = [
  "debug!",
  "log=",
  "log-format=",
  "root=",
  "systemd-cgroup!",
  "rootless=",
  "criu=",
  "version,v!",
  "cgroup-manager=",
];

const VALUES: Readonly<Record<string, string>> = { "#": "3", "*": "7", "=": "value", "+": "value" };

interface RuncFlag {
  readonly names: readonly string[];
  /** The sign. */
  readonly takes: string;
}

function parseFlag(text: string): RuncFlag {
  return { names: text.slice(0, -1).split(","), takes: text.slice(-1) };
}

/** Every way to write a flag, as words of a command line. */
function forms({ names, takes }: RuncFlag): string[][] {
  const dashed = names.flatMap((name) => [`-${name}`, `--${name}`]);
  const value = VALUES[takes];
  if (value === undefined) return dashed.flatMap((flag) => [[flag], [`${flag}=true`], [`${flag}=false`]]);
  return dashed.flatMap((flag) => [[flag, value], [`${flag}=${value}`]]);
}

/** What the flag's value has to be. */
function expected({ takes }: RuncFlag, words: readonly string[]): unknown {
  if (takes === "!") return !words[0]!.endsWith("=false");
  if (takes === "#") return 3;
  if (takes === "*") return [7];
  return takes === "+" ? ["value"] : "value";
}

describe.each(Object.keys(RUNC))("%s", (name) => {
  const load = commands[name]!;
  const flags = [...RUNC[name]!, ...(CRUN[name] ?? [])].map(parseFlag);

  test("accepts every flag in every form", async () => {
    const { args } = await load([]);
    const positionals = Object.values(args).filter(
      (arg) => arg.type === "positional" && arg.required !== false,
    );
    for (const flag of flags) {
      for (const words of forms(flag)) {
        const argv = [...words, ...positionals.map(() => "id")];
        const { values } = parseCommand(name, args as Flags, argv, { globals: globalFlags });
        expect([words, (values as Record<string, unknown>)[flag.names[0]!]]).toEqual([
          words,
          expected(flag, words),
        ]);
      }
    }
  });
});

test("the global flags are accepted in every form", () => {
  for (const flag of GLOBAL.map(parseFlag)) {
    for (const words of forms(flag)) {
      const { values, args } = parseGlobals(globalFlags, [...words, "list"]);
      expect([words, args, (values as Record<string, unknown>)[flag.names[0]!]]).toEqual([
        words,
        ["list"],
        expected(flag, words),
      ]);
    }
  }
});

test("no command is missing", () => {
  expect(Object.keys(RUNC).filter((name) => commands[name] === undefined)).toEqual([]);
});
