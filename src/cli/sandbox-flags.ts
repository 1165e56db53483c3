/** Flags of `run --rootfs`, `run --image` and `run --host`, with podman's names, and their values as options. */

import { keptPlace } from "../changes/kept.ts";
import { LOG_SIZE } from "../container/io/kept-log.ts";
import { checkId } from "../container/lifecycle/id.ts";
import { BrunError } from "../errors.ts";
import { auditOptions, checkAudit } from "../sandbox/audit/audit.ts";
import { checkFakeRoot } from "../sandbox/fake-root.ts";
import { OVERLAYS, type OverlayMode, type SandboxOptions, type SandboxRoot } from "../sandbox/options.ts";
import { bytes } from "../sandbox/resources.ts";
import { absolute } from "../sys/fs.ts";
import { procOf, usernsOf } from "./container-flags.ts";
import type { Flags, Values } from "./flags.ts";
import { proc, timing, userns } from "./hot-flags.ts";
import { netClientOf, netLogOf } from "./net-flags.ts";
import { pullFlags, pullPolicy } from "./pull-flags.ts";
import { parseSignal } from "./signals.ts";

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

const NAME_BYTES = 3;

/** The flags as options. Throws a BrunError for those that do not go together. */
export function sandboxOptions(
  args: Values<typeof sandboxFlags>,
  program: readonly string[],
  terminal: boolean,
): SandboxOptions {
  const root = rootOf(args);
  const positional = args["container-id"];
  if (args.name !== undefined && positional !== undefined) {
    throw new BrunError(`two names are given: ${args.name} and ${positional}`, { where: "--name" });
  }
  if (args.writable && root.kind === "rootfs" && root.image !== undefined) {
    throw new BrunError("the files of an image are shared, and not written to", {
      where: "--writable",
      hint: "--upper DIR keeps what is written; `brun image unpack NAME DIR` makes a directory of your own",
    });
  }
  const keeps = args.upper !== undefined ? "--upper" : args.keep !== undefined ? "--keep" : null;
  if (args.writable && (root.kind === "host" || keeps !== null || args["read-only"])) {
    throw new BrunError(
      "--writable goes with --rootfs alone, and neither with --upper or --keep nor with --read-only",
      {
        where: "--writable",
        hint: root.kind === "host" ? "--rw PATH leaves a path of the host writable" : undefined,
      },
    );
  }
  if (args.upper !== undefined && args.keep !== undefined) {
    throw new BrunError("--keep and --upper exclude each other", {
      code: "ERR_USAGE",
      hint: "--upper names a directory, --keep a name",
    });
  }
  if (keeps !== null && args["read-only"]) {
    throw new BrunError(`${keeps} has no use with --read-only: nothing is written`, { where: keeps });
  }
  const ofHost = args.rw.length > 0 ? "--rw" : args.hide.length > 0 ? "--hide" : "--with-secrets";
  if (root.kind === "rootfs" && (ofHost !== "--with-secrets" || args["with-secrets"])) {
    const hint = ofHost === "--hide" ? "--tmpfs PATH covers one" : "-v SOURCE:PATH mounts a path of the host";
    throw new BrunError(`${ofHost} goes with --host`, { where: ofHost, hint });
  }
  if (args["rw-all"] && args.rw.length === 0) {
    throw new BrunError("--rw-all has no use without --rw", {
      where: "--rw-all",
      hint: "--rw DIR --rw-all",
    });
  }
  if (args["connect-port"].length > 0 && !args.landlock) {
    throw new BrunError("--connect-port goes with --landlock", {
      where: "--connect-port",
      hint: "--allow-net names what a container with namespaces may connect to",
    });
  }
  for (const name of ["platform", "pull", "authfile", "tls-verify"] as const) {
    const unless = name === "pull" ? pullPolicy.default : undefined;
    if (args[name] === unless || args.image !== undefined) continue;
    throw new BrunError(`--${name} goes with --image`, { code: "ERR_USAGE", where: `--${name}` });
  }
  if (args["stop-signal"] !== undefined) parseSignal(args["stop-signal"]);
  if (args.init && args["no-init"]) {
    throw new BrunError("--init and --no-init exclude each other", { code: "ERR_USAGE" });
  }
  if (args["fake-root"]) {
    checkFakeRoot({ user: args.user, userns: usernsOf(args.userns) ?? "auto", groupAdd: args["group-add"] });
  }
  checkAudit(args.audit, { "--seccomp-record": args["seccomp-record"] !== undefined });
  const overlay = overlayOf(args.overlay);
  const given = { ...args, readOnly: args["read-only"], overlay };
  const audit = auditOptions(args.audit, args["audit-to"], given);
  const keep = audit !== undefined && "name" in audit.kept ? audit.kept.name : args.keep;
  const id = args.name ?? positional ?? madeUp(root);
  checkId(id);
  return {
    root,
    id,
    args: [...entrypoint(args.entrypoint), ...program],
    upper: keep === undefined ? args.upper : keptPlace(keep),
    keep,
    audit,
    overlay,
    writable: args.writable,
    readOnly: args["read-only"],
    rw: args.rw,
    rwAll: args["rw-all"],
    landlock: args.landlock,
    connectPort: args["connect-port"],
    volume: args.volume,
    tmpfs: args.tmpfs,
    mount: args.mount,
    device: args.device,
    ulimit: args.ulimit,
    workdir: args.workdir,
    env: args.env,
    envFile: args["env-file"],
    user: args["fake-root"] ? "0" : args.user,
    userns: args["fake-root"] ? "single" : (usernsOf(args.userns) ?? "auto"),
    fakeRoot: args["fake-root"],
    proc: procOf(args.proc) ?? "auto",
    terminal,
    memory: args.memory,
    cpus: args.cpus,
    pidsLimit: args["pids-limit"],
    memorySwap: args["memory-swap"],
    cpusetCpus: args["cpuset-cpus"],
    oomScoreAdj: args["oom-score-adj"],
    umask: args.umask,
    shmSize: args["shm-size"],
    sysctl: args.sysctl,
    annotation: args.annotation,
    groupAdd: args["group-add"],
    stopSignal: args["stop-signal"],
    capAdd: args["cap-add"],
    capDrop: args["cap-drop"],
    securityOpt: args["security-opt"],
    nesting: args["allow-nesting"],
    seccompRecord: args["seccomp-record"],
    hostname: args.hostname,
    network: args.network ?? args.net,
    publish: args.publish,
    allowNet: args["allow-net"],
    allowNetPrivate: args["allow-net-private"],
    netLog: netLogOf(args["net-log"], args["allow-net"].length > 0 && audit !== undefined ? keep : undefined),
    netSni: args["net-sni"],
    netClient: netClientOf(args["net-client"]),
    hide: args.hide,
    withSecrets: args["with-secrets"],
    init: !args["no-init"],
  };
}

function rootOf({ host, rootfs, image }: Values<typeof sandboxFlags>): SandboxRoot {
  const roots = [
    rootfs !== undefined && "--rootfs",
    image !== undefined && "--image",
    host && "--host",
  ].filter(Boolean);
  if (roots.length > 1) {
    throw new BrunError(`${roots[0]} and ${roots[1]} exclude each other`, {
      hint: "the root is the one or the other",
    });
  }
  if (host) return { kind: "host" };
  // An image's directory is known only when it has been pulled.
  if (image !== undefined) return { kind: "rootfs", path: "/", image };
  if (!rootfs) throw new BrunError("--rootfs needs a directory", { hint: "--host takes this machine's own" });
  const path = absolute(rootfs);
  if (!path.isWellFormed()) {
    throw new BrunError(
      `${path} has bytes that are not UTF-8, which the container's state, JSON, cannot hold`,
      {
        where: "--rootfs",
        hint: "rename it, or make a symbolic link to it",
      },
    );
  }
  return { kind: "rootfs", path };
}

/** `--log-opt max-size=SIZE` in bytes. Throws a BrunError. */
export function logSize(options: readonly string[]): number {
  let size = LOG_SIZE;
  for (const option of options) {
    const text = /^max-size=(.*)$/.exec(option)?.[1];
    if (text === undefined) {
      throw new BrunError(`there is no log option "${option}"`, {
        code: "ERR_USAGE",
        where: "--log-opt",
        hint: "max-size=SIZE, such as max-size=64m",
      });
    }
    size = bytes(text, "--log-opt");
  }
  if (size >= LEAST_LOG && size <= MOST_LOG) return size;
  throw new BrunError(`a log has 64k to 4g`, { code: "ERR_USAGE", where: "--log-opt" });
}

const LEAST_LOG = 2 ** 16;
const MOST_LOG = 2 ** 32;

/** A program, or a JSON list of one with arguments. Throws a BrunError. */
export function entrypoint(text: string | undefined): readonly string[] {
  if (text === undefined || text === "") return [];
  if (!text.startsWith("[")) return [text];
  let words: unknown;
  try {
    words = JSON.parse(text);
  } catch {}
  if (Array.isArray(words) && words.length > 0 && words.every((word) => typeof word === "string"))
    return words;
  throw new BrunError(`${text} is no JSON list of words`, {
    code: "ERR_USAGE",
    where: "--entrypoint",
    hint: `such as '["sh", "-c"]'`,
  });
}

function overlayOf(text: string): OverlayMode {
  const mode = OVERLAYS.find((name) => name === text);
  if (mode !== undefined) return mode;
  throw new BrunError(`there is no overlay "${text}"`, { where: "--overlay", hint: OVERLAYS.join(", ") });
}

/** The directory's, or an image's without registry and tag. */
function nameOf({ path, image }: Extract<SandboxRoot, { kind: "rootfs" }>): string {
  const last = (image ?? path).split("/").at(-1) ?? "";
  return image === undefined ? last : last.replace(/[:@].*$/, "");
}

/** "host-4f2a1c", or the directory's name and such. */
function madeUp(root: SandboxRoot): string {
  const bytes = crypto.getRandomValues(new Uint8Array(NAME_BYTES));
  const random = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const name = root.kind === "host" ? "host" : nameOf(root);
  return `${/^[\w+.-]+$/.test(name) ? name : "rootfs"}-${random}`;
}
