/** Flags of `run --rootfs`, `run --image` and `run --host`, with podman's names. sandbox-options.ts has their meaning. */

import type { Flags } from "./flags.ts";
import { proc, timing, userns } from "./hot-flags.ts";
import { pullFlags, pullPolicy } from "./pull-flags.ts";

const list = (valueHint: string, description: string, alias?: string) =>
  ({
    type: "string",
    multiple: true,
    valueHint,
    description,
    ...(alias !== undefined && { alias }),
  }) as const;

/** Flags that say what the container is: `explain` has them too. */
export const sandboxFlags = {
  "container-id": { type: "positional", required: false, description: "name of the container" },
  rootfs: { type: "string", valueHint: "dir", description: "a directory as the root; it is not written to" },
  image: { type: "string", valueHint: "image", description: "an image as the root: debian:12, oci:DIR, …" },
  host: { type: "boolean", description: "this machine as the root; what is written is thrown away" },
  keep: {
    type: "string",
    valueHint: "name",
    description: "keep what is written by a name: see brun diff, apply, discard",
  },
  upper: { type: "string", valueHint: "dir", description: "keep what is written in this directory" },
  overlay: {
    type: "string",
    valueHint: "auto|kernel|fuse|none",
    default: "auto",
    description: "who makes the copies on write",
  },
  writable: { type: "boolean", description: "write to the --rootfs directory itself" },
  "read-only": { type: "boolean", description: "a read-only root, with /tmp, /run and volumes to write to" },
  rw: list("path", "with --host: a path that is the real one, and writable"),
  "rw-all": {
    type: "boolean",
    description: "with --rw: also what runs code on this machine, such as .git/hooks and .vscode",
  },
  landlock: {
    type: "boolean",
    description: "with --host: restrict the program without namespaces, where these are refused",
  },
  "connect-port": list("port", "with --landlock: a TCP port that may be connected to"),
  hide: list("path", "with --host: hide this path"),
  "with-secrets": { type: "boolean", description: "with --host: keys, tokens and histories are not hidden" },
  volume: list("[source:]path[:options]", "mount a path of the host", "v"),
  tmpfs: list("path[:options]", "mount a tmpfs"),
  mount: list("type=bind|tmpfs,…", "the same in podman's long form: src=, dst=, ro"),
  device: list(
    "path[:path][:rwm]|vendor/class=name",
    "make a device of the host available, by its path or by CDI",
  ),
  workdir: { type: "string", alias: "w", valueHint: "dir", description: "where the program starts" },
  env: list("name[=value]", "a variable of the environment; without a value the caller's", "e"),
  "env-file": list("file", "a file with such lines"),
  user: { type: "string", alias: "u", valueHint: "user[:group]", description: "who runs the program" },
  "fake-root": {
    type: "boolean",
    description: "with one id: chown, setuid, mknod and the like pretend to succeed",
  },
  "group-add": list("group", "one more group of the program's user"),
  umask: {
    type: "string",
    valueHint: "mode",
    description: "its umask (default: 022; with --host the caller's)",
  },
  userns,
  proc,
  entrypoint: {
    type: "string",
    valueHint: "program",
    description: "the program; the words after the flags are its arguments",
  },
  pull: pullPolicy,
  ...pullFlags,
  quiet: { type: "boolean", alias: "q", description: "do not show how far a pull is" },
  interactive: { type: "boolean", alias: "i", description: "the program reads our stdin" },
  tty: { type: "boolean", alias: "t", description: "give it a new terminal" },
  memory: { type: "string", alias: "m", valueHint: "size", description: "limit of the memory: 512m, 2g" },
  cpus: { type: "string", valueHint: "n", description: "limit of the CPU time: 0.5 is half of one CPU" },
  "pids-limit": { type: "string", valueHint: "n", description: "limit of processes and threads" },
  "memory-swap": {
    type: "string",
    valueHint: "size",
    description: "limit of memory and swap together; -1 for none",
  },
  "cpuset-cpus": { type: "string", valueHint: "list", description: "the CPUs that it may use: 0-2,5" },
  "oom-score-adj": { type: "string", valueHint: "n", description: "-1000 to 1000: killed later or sooner" },
  "shm-size": { type: "string", valueHint: "size", description: "size of /dev/shm (default: 64m)" },
  sysctl: list("name=value", "a setting of its own kernel namespaces"),
  ulimit: list("name=soft[:hard]", "a resource limit: nofile=1024, core=0, nproc=unlimited"),
  "cap-add": list("cap", "add a capability, or ALL"),
  "cap-drop": list("cap", "drop a capability, or ALL"),
  "security-opt": list("option", "seccomp=FILE|unconfined, no-new-privileges, apparmor=, mask=, unmask="),
  audit: {
    type: "boolean",
    words: ["json"],
    description: "report at the end what the program did; =json for programs",
  },
  "audit-to": {
    type: "string",
    valueHint: "file",
    hidden: true,
    description: "for the TypeScript API: where that is told, in the place of stderr",
  },
  "seccomp-record": {
    type: "string",
    valueHint: "file",
    description: "write the profile of the system calls that it makes",
  },
  "allow-nesting": { type: "boolean", description: "let the program make containers itself" },
  hostname: { type: "string", alias: "h", valueHint: "name", description: "its host name" },
  network: {
    type: "string",
    valueHint: "none|host|pasta|slirp4netns",
    description: "its network (default: none; with --host the host's)",
  },
  net: { type: "string", hidden: true, description: "podman's other name of --network" },
  "allow-net": list("host[:port]", "let it reach this name and no others: *.host, @file"),
  "allow-net-private": { type: "boolean", description: "these names may lead to private addresses" },
  "net-log": {
    type: "string",
    valueHint: "file",
    description: "log to this file what the program reached and what was refused",
  },
  "net-sni": { type: "boolean", description: "with --allow-net: only TLS that asks for the name" },
  "net-client": {
    type: "string",
    valueHint: "fd[,ask]",
    hidden: true,
    description: "for the TypeScript API: a socket that is told of connections, and asked for names",
  },
  publish: list("[[address:]port:]port[/udp]", "publish a port of the container on the host", "p"),
  init: { type: "boolean", description: "a small init is process 1, and the program its child (default)" },
  "no-init": { type: "boolean", description: "the program is process 1 itself" },
  name: { type: "string", valueHint: "name", description: "name of the container (default: one is made up)" },
  annotation: list("key=value", "an annotation of the container's config"),
  "stop-signal": {
    type: "string",
    valueHint: "signal",
    description: "what brun stop sends first (default: TERM)",
  },
} as const satisfies Flags;

/** Further flags of `run` with them. */
export const sandboxRunFlags = {
  ...sandboxFlags,
  detach: { type: "boolean", alias: "d", description: "return when the program has started" },
  "die-with-parent": {
    type: "boolean",
    description: "end with brun, however that ends (default in the foreground)",
  },
  "no-die-with-parent": { type: "boolean", description: "go on when brun has been killed" },
  "log-opt": list("max-size=size", "with --detach: how much of the output is kept (default: 16m)"),
  rm: { type: "boolean", description: "with --detach: remove the container when it has ended" },
  timeout: {
    type: "string",
    valueHint: "time",
    description: "kill the container after that time: 10 (seconds), 0.5, 2m",
  },
  "await-start": {
    type: "boolean",
    hidden: true,
    description: "for the TypeScript API: wait for brun start",
  },
  "ready-fd": { type: "string", integer: true, hidden: true, description: "for --detach: see background.ts" },
  "pid-file": { type: "string", valueHint: "file", description: "write the process id here" },
  pidfile: { type: "string", hidden: true, description: "podman's name of --pid-file" },
  "print-config": { type: "boolean", description: "print the config.json that the flags stand for, and end" },
  "explain-error": {
    type: "boolean",
    description: "when it fails, say more: the step, the mapping, the machine",
  },
  timing,
} as const satisfies Flags;
