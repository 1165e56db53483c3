/**
 * The global flags, and the flags and arguments of the commands that make, enter and end a container. They are only data:
 * nsenter/command-line.ts makes the tables of them by which the front parses the same command lines.
 */
import { PROC_MODES, USERNS_MODES } from "../modes.ts";
import type { Flags } from "./flags.ts";

export const globalFlags = {
  root: {
    type: "string",
    valueHint: "dir",
    description: "directory for the state (default: $XDG_RUNTIME_DIR/brun; for root /run/brun)",
  },
  log: {
    type: "string",
    valueHint: "file",
    description: "write errors, warnings and debug lines to this file",
  },
  "log-format": {
    type: "string",
    valueHint: "text|json",
    default: "text",
    description: "format of the log file",
  },
  debug: { type: "boolean", description: "write debug lines, and the stack of an error" },
  "systemd-cgroup": {
    type: "boolean",
    description: 'let systemd make the cgroups; cgroupsPath is then "slice:prefix:name"',
  },
  "cgroup-manager": {
    type: "string",
    valueHint: "auto|systemd|cgroupfs|disabled",
    description: "who makes the cgroups (default: auto)",
  },
  rootless: {
    type: "string",
    valueHint: "true|false|auto",
    default: "auto",
    description: "use a user namespace of your own; auto: unless you are root",
  },
  criu: { type: "string", hidden: true, description: "ignored; criu is found in PATH" },
  client: { type: "string", hidden: true, description: "for the TypeScript API: see api-client.ts" },
  version: { type: "boolean", alias: "v", description: "print the version" },
} as const;

/** The id under which a container is known. */
export const containerId = {
  type: "positional",
  description: "name of the container, unique under the state directory",
} as const;

/** `--timing`. */
export const timing = {
  type: "boolean",
  description: "print the phases with their times on stderr",
} as const;

/** `--preserve-fds`. */
export const preserveFds = {
  type: "string",
  integer: true,
  valueHint: "n",
  description: "hand on n more descriptors, after 0-2 and those of LISTEN_FDS",
} as const;

/** `--console-socket`. */
export const consoleSocket = {
  type: "string",
  valueHint: "socket",
  description: "Unix socket that is sent the master side of the terminal",
} as const;

/** `--pid-file`. */
export const pidFile = {
  type: "string",
  valueHint: "file",
  description: "write the process id here",
} as const;

/** `--pidfd-socket`. */
export const pidfdSocket = {
  type: "string",
  valueHint: "socket",
  description: "Unix socket that is sent a pidfd of the process",
} as const;

/** `--userns`. */
export const userns = {
  type: "string",
  valueHint: USERNS_MODES.join("|"),
  description: "which ids to map if the config maps none: only the caller's, or the subordinate ones, too",
} as const;

/** `--proc`. */
export const proc = {
  type: "string",
  valueHint: PROC_MODES.join("|"),
  description:
    "mount a new procfs, or bind the outer one (default: auto: bind it only if the kernel refuses a new one)",
} as const;

export const createFlags = {
  "container-id": containerId,
  bundle: {
    type: "string",
    alias: "b",
    valueHint: "dir",
    description: "bundle directory (default: the current directory)",
  },
  config: {
    type: "string",
    alias: "f",
    valueHint: "file",
    description: "take this file instead of the bundle's config.json",
  },
  "console-socket": consoleSocket,
  "pidfd-socket": pidfdSocket,
  "pid-file": pidFile,
  "no-pivot": {
    type: "boolean",
    description: "change the root without pivot_root, for root filesystems on a ramdisk",
  },
  init: {
    type: "boolean",
    description: "a small init is process 1, and the program its child",
  },
  "no-new-keyring": { type: "boolean", description: "keep the caller's session keyring" },
  "preserve-fds": preserveFds,
  "explain-error": {
    type: "boolean",
    description: "when it fails, say more: the step, what was changed for the caller, what the machine lacks",
  },
  userns,
  proc,
  timing,
} as const;

/** Of create. */
export const createCommandFlags = {
  ...createFlags,
  "no-subreaper": {
    type: "boolean",
    hidden: true,
    description: "crun's, ignored: create leaves no one to reap",
  },
} as const;

export const runFlags = {
  ...createFlags,
  detach: { type: "boolean", alias: "d", description: "return when the program has started" },
  keep: { type: "boolean", description: "keep the stopped container for state and delete" },
  "no-subreaper": {
    type: "boolean",
    description: "leave orphaned processes of the container to the caller's reaper",
  },
  "await-start": { type: "boolean", hidden: true, description: "wait for brun start before the program" },
} as const;

/** Of start and state. */
export const idFlags = { "container-id": containerId } as const;

/** `--regex`: crun's way to name several containers. */
const regexFlag = {
  type: "boolean",
  alias: "r",
  description: "the id is a regular expression; every container that matches is meant",
} as const;

export const killFlags = {
  "container-id": containerId,
  signal: { type: "positional", required: false, description: "name or number (default: TERM)" },
  all: { type: "boolean", alias: "a", description: "to all processes of the container; none is no error" },
  regex: regexFlag,
} as const;

export const deleteFlags = {
  "container-id": containerId,
  force: {
    type: "boolean",
    alias: "f",
    description: "kill it first if it runs; no error if it does not exist",
  },
  regex: regexFlag,
} as const;

export const execFlags = {
  "container-id": containerId,
  command: { type: "positional", required: false, rest: true, description: "program and its arguments" },
  cwd: { type: "string", alias: "w", valueHint: "dir", description: "working directory in the container" },
  workdir: { type: "string", valueHint: "dir", description: "podman's name of --cwd" },
  interactive: {
    type: "boolean",
    alias: "i",
    description: "no effect, for podman's command lines: the process always has brun's stdin",
  },
  env: {
    type: "string",
    alias: "e",
    multiple: true,
    valueHint: "name=value",
    description: "set an environment variable (again for more)",
  },
  tty: { type: "boolean", alias: "t", description: "give it a new terminal" },
  user: {
    type: "string",
    alias: "u",
    valueHint: "user[:group]",
    description: "who runs it: ids, or names of the container",
  },
  "additional-gids": {
    type: "string",
    alias: "g",
    multiple: true,
    integer: true,
    valueHint: "gid",
    description: "one more group (again for more)",
  },
  process: {
    type: "string",
    alias: "p",
    valueHint: "file",
    description: "take everything from this JSON, shaped as process in config.json",
  },
  detach: { type: "boolean", alias: "d", description: "return when the process has started" },
  "pid-file": pidFile,
  "console-socket": consoleSocket,
  "pidfd-socket": pidfdSocket,
  "process-label": { type: "string", valueHint: "label", description: "SELinux label" },
  apparmor: { type: "string", valueHint: "profile", description: "AppArmor profile" },
  "no-new-privs": { type: "boolean", optional: true, description: "setuid programs gain nothing" },
  cap: {
    type: "string",
    alias: "c",
    multiple: true,
    valueHint: "capability",
    description: "add a capability (again for more)",
  },
  "preserve-fds": preserveFds,
  cgroup: {
    type: "string",
    multiple: true,
    valueHint: "[controllers:]path",
    description: "run in this sub-cgroup of the container",
  },
  "ignore-paused": { type: "boolean", description: "run it even in a paused container" },
  timing,
} as const;

/** `-f table|json`. */
export const formatFlag = {
  type: "string",
  alias: "f",
  valueHint: "table|json",
  default: "table",
  description: "form of the output",
} as const;

export const listFlags = {
  format: formatFlag,
  wide: { type: "boolean", alias: "w", description: "show how long they have run, and whose they are" },
  quiet: { type: "boolean", alias: "q", description: "print the ids alone" },
} as const;

/** Flags of `run` and `explain` that say what the root of a container without a bundle is. */
export const ROOT_FLAGS = ["host", "rootfs", "image"] as const;

/** How a command line is read. */
export interface CommandLine {
  readonly flags: Flags;
  /** podman's short forms are taken: `-it`, `-eA=1`. */
  readonly short?: true;
}

/** The commands that the front reads. */
export const hotCommands = {
  run: { flags: runFlags },
  create: { flags: createCommandFlags },
  start: { flags: idFlags },
  state: { flags: idFlags },
  kill: { flags: killFlags },
  delete: { flags: deleteFlags },
  exec: { flags: execFlags, short: true },
  list: { flags: listFlags },
} as const satisfies Readonly<Record<string, CommandLine>>;
