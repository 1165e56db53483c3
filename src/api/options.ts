/**
 * The options of containers without a bundle, as flags of `brun run --host` and `brun run --rootfs`: the name of an option
 * is that of its flag, `readOnly` for `--read-only`. That each flag has one is tested.
 */
import { closest } from "../cli/closest.ts";
import { BrunError } from "../errors.ts";

/** How the value of an option becomes flags. */
type Kind = "switch" | "text" | "list" | "variables";

/** Options of both. */
export const SANDBOX_OPTIONS = {
  upper: "text",
  keep: "text",
  overlay: "text",
  readOnly: "switch",
  volume: "list",
  tmpfs: "list",
  mount: "list",
  device: "list",
  workdir: "text",
  env: "variables",
  envFile: "list",
  user: "text",
  userns: "text",
  proc: "text",
  tty: "switch",
  memory: "text",
  cpus: "text",
  pidsLimit: "text",
  memorySwap: "text",
  cpusetCpus: "text",
  oomScoreAdj: "text",
  umask: "text",
  shmSize: "text",
  sysctl: "list",
  annotation: "list",
  groupAdd: "list",
  fakeRoot: "switch",
  stopSignal: "text",
  ulimit: "list",
  capAdd: "list",
  capDrop: "list",
  securityOpt: "list",
  seccompRecord: "text",
  allowNesting: "switch",
  hostname: "text",
  network: "text",
  publish: "list",
  allowNet: "list",
  allowNetPrivate: "switch",
  netLog: "text",
  netSni: "switch",
  audit: "switch",
  init: "switch",
} as const satisfies Record<string, Kind>;

/** Those that a directory has besides. */
export const ROOTFS_OPTIONS = { rootfs: "text", writable: "switch" } as const satisfies Record<string, Kind>;

/** Those that an image has besides. */
export const IMAGE_OPTIONS = {
  image: "text",
  pull: "text",
  platform: "text",
  authfile: "text",
  tlsVerify: "switch",
} as const satisfies Record<string, Kind>;

/** Those that this machine has besides. */
export const HOST_OPTIONS = {
  host: "switch",
  rw: "list",
  rwAll: "switch",
  hide: "list",
  withSecrets: "switch",
} as const satisfies Record<string, Kind>;

/** Flags of `run` that have no option of their name. */
export const WITHOUT_OPTION: Readonly<Record<string, string>> = {
  "container-id": "the option id",
  name: "the option id",
  entrypoint: "args begins with the program",
  interactive: "the options stdin and input",
  landlock: "it makes no container, which is what the API is about: start brun as any program",
  "connect-port": "goes with --landlock",
  net: "an alias of --network",
  quiet: "always given: what is pulled is told to people",
  detach: "a program is told of the end, and has the streams; dieWithParent: false lets it go on",
  rm: "goes with --detach",
  "log-opt": "goes with --detach",
  timeout: "an option of every program, also of exec: StdioOptions",
  "die-with-parent": "an option of every program: StdioOptions",
  "no-die-with-parent": "dieWithParent: false",
  "no-init": "init: false",
  "ready-fd": "internal",
  "await-start": "create() does it",
  "pid-file": "state() has the pid",
  pidfile: "an alias of --pid-file",
  "audit-to": "internal",
  "net-client": "internal",
  "print-config": "specOf()",
  "explain-error": "an error has code, path and hint; explain() says the rest",
  timing: "for people",
};

const KINDS: Readonly<Record<string, Kind>> = {
  ...SANDBOX_OPTIONS,
  ...ROOTFS_OPTIONS,
  ...IMAGE_OPTIONS,
  ...HOST_OPTIONS,
};

/** The flags that the options of a container without a bundle stand for. Throws a BrunError ERR_USAGE. */
export function sandboxFlags(options: object): string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    const kind = KINDS[name];
    return kind === undefined || value === undefined ? [] : flagsOf(name, kind, value);
  });
}

function flagsOf(name: string, kind: Kind, value: unknown): string[] {
  const flag = flagOf(name);
  if (kind === "switch") {
    if (typeof value !== "boolean") throw wrong(name, value, "true or false");
    if (name === "init" && !value) return ["--no-init"];
    if (name === "audit" && value) return ["--audit=json"];
    return value ? [flag] : [`${flag}=false`];
  }
  const isText = typeof value === "string" || typeof value === "number";
  if (kind === "text") {
    if (!isText) throw wrong(name, value, "a text or a number");
    checkWord(name, `${value}`);
    return [`${flag}=${value}`];
  }
  if (kind === "list") {
    const list = typeof value === "string" ? [value] : value;
    if (Array.isArray(list) && list.every((item) => typeof item === "string")) {
      checkWords(name, list);
      // No names at all, which is not the network of the host.
      if (name === "allowNet" && list.length === 0) return [`${flag}=@/dev/null`];
      return list.map((item) => `${flag}=${item}`);
    }
    throw wrong(name, value, "a list of texts");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrong(name, value, "an object with a text for each name");
  }
  return variables(name, value).map((variable) => `${flag}=${variable}`);
}

/** NAME=value strings. Throws a BrunError ERR_USAGE. */
export function variables(option: string, values: object): string[] {
  return Object.entries(values).flatMap(([name, value]) => {
    if (value === undefined) return [];
    if (typeof value !== "string") throw wrong(`${option}.${name}`, value, "a text");
    checkWord(`${option}.${name}`, `${name}=${value}`);
    return [`${name}=${value}`];
  });
}

function wrong(option: string, value: unknown, expected: string): BrunError {
  const kind = Array.isArray(value) ? "list" : typeof value;
  const found = value === null ? "null" : `${kind === "object" ? "an" : "a"} ${kind}`;
  return new BrunError(`${option}: expected ${expected}, but found ${found}`, {
    code: "ERR_USAGE",
    where: option,
  });
}

function flagOf(option: string): string {
  return `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Words that a process can be given. Throws a BrunError ERR_USAGE. */
export function checkWords(option: string, words: readonly string[]): void {
  words.forEach((word, i) => {
    checkWord(`${option}[${i}]`, word);
  });
}

/** Strings of the kernel end at a NUL byte, and are UTF-8. */
function checkWord(option: string, word: string): void {
  const lone = /[\ud800-\udfff]/u.test(word);
  if (!lone && !word.includes("\0")) return;
  const what = lone ? "half of a surrogate pair, which is no text" : "a NUL byte";
  throw usage(`${option}: it has ${what}`, undefined, option);
}

/** Where an error comes from, in words of the API: the option of a flag. */
export function optionOf(where: string): string {
  const flag = /^--([a-z-]+)/.exec(where)?.[1];
  if (flag === undefined) return where;
  const option = flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return option in KINDS ? option + where.slice(flag.length + 2) : where;
}

/** Options of every container: {@link ContainerSettings}, with those that it extends. */
const SETTINGS = [
  ...["id", "args", "root", "cgroupManager", "rootless", "brun", "onWarning"],
  ...["stdin", "input", "stdout", "stderr", "signal", "timeout", "dieWithParent"],
];

/** Options of a container without a bundle that are no flags. */
const LISTENERS = ["onNetwork", "mayReach"];

/** The options that say what a container is made from, with those that each of them may have. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  host: [...Object.keys(SANDBOX_OPTIONS), ...Object.keys(HOST_OPTIONS), ...LISTENERS],
  rootfs: [...Object.keys(SANDBOX_OPTIONS), ...Object.keys(ROOTFS_OPTIONS), ...LISTENERS],
  image: [...Object.keys(SANDBOX_OPTIONS), ...Object.keys(IMAGE_OPTIONS), ...LISTENERS, "onProgress"],
  spec: ["spec", "bundle", "init"],
  bundle: ["bundle", "init"],
};

/** The option that says what the root is. */
export type SourceName = "host" | "rootfs" | "image" | "spec" | "bundle";

/**
 * Which of `host`, `rootfs`, `image`, `spec` and `bundle` the options have.
 * @throws BrunError ERR_USAGE none or two of them, an option that does not exist, or not for that one
 */
export function sourceOf(options: object): SourceName {
  const given = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  const sources = Object.keys(SOURCES).filter((name) => given.includes(name));
  const [source, second] = sources;
  if (source === undefined) {
    throw usage("there is nothing to run", "one of host, rootfs, image, spec and bundle has to be given");
  }
  if (second !== undefined && !(source === "spec" && second === "bundle")) {
    throw usage(`${source} and ${second} exclude each other`);
  }
  if (source === "host" && (options as { host: unknown }).host !== true) {
    throw usage("host: it is true or left out", undefined, "host");
  }
  const allowed = [...SOURCES[source]!, ...SETTINGS.filter((name) => name !== "args")];
  if (source !== "spec" && source !== "bundle") allowed.push("args");
  for (const name of given) {
    if (allowed.includes(name)) continue;
    if (name in KINDS || name === "args" || LISTENERS.includes(name) || name in SOURCES) {
      throw usage(`${name}: it does not go with ${source}`, insteadOf(name, source), name);
    }
    const near = closest(name, allowed);
    throw usage(`${name}: there is no such option`, near && `did you mean ${near}?`, name);
  }
  return source as SourceName;
}

function insteadOf(name: string, source: string): string | undefined {
  if (source === "spec" || source === "bundle") return "the config says it";
  if (name === "writable")
    return source === "host" ? "rw leaves paths writable" : "upper keeps what is written";
  if (name === "rw") return "volume mounts a path of the host";
  return name === "hide" ? "tmpfs covers a path" : undefined;
}

function usage(message: string, hint?: string, where?: string): BrunError {
  return new BrunError(message, { code: "ERR_USAGE", hint, where });
}
