/**
 * The options of containers without a bundle, as flags of `brun run --host` and `brun run --rootfs`: the name of an option
 * is that of its flag, `readOnly` for `--read-only`. That each flag has one is tested.
 */
import { checkSetting, noSuchOption, SETTINGS, SOME } from "./settings.ts";
import { usage, wrong } from "./usage.ts";

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

/** Further options of a directory. */
export const ROOTFS_OPTIONS = { rootfs: "text", writable: "switch" } as const satisfies Record<string, Kind>;

/** Further options of an image. */
export const IMAGE_OPTIONS = {
  image: "text",
  pull: "text",
  platform: "text",
  authfile: "text",
  tlsVerify: "switch",
} as const satisfies Record<string, Kind>;

/** Further options of this machine. */
export const HOST_OPTIONS = {
  host: "switch",
  rw: "list",
  rwAll: "switch",
  hide: "list",
  withSecrets: "switch",
} as const satisfies Record<string, Kind>;

/** Options of {@link confine}, besides `args`. */
export const CONFINE_OPTIONS = {
  rw: "list",
  hide: "list",
  withSecrets: "switch",
  connectPort: "list",
  workdir: "text",
  env: "variables",
  envFile: "list",
  ulimit: "list",
  umask: "text",
} as const satisfies Record<string, Kind>;

/** Flags of `run` that have no option of their name. */
export const WITHOUT_OPTION: Readonly<Record<string, string>> = {
  "container-id": "the option id",
  name: "the option id",
  entrypoint: "args begins with the program",
  interactive: "the options stdin and input",
  landlock: "confine()",
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
  ...CONFINE_OPTIONS,
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
      // An empty list allows no names. Without the flag the program would have another network.
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

function flagOf(option: string): string {
  return `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** A program and its arguments. Throws a BrunError ERR_USAGE. */
export function checkArgs(args: unknown): void {
  const isList = Array.isArray(args) && args.every((word) => typeof word === "string");
  if (!isList || args.length === 0)
    throw usage("args: expected a list with the program and its arguments", undefined, "args");
  checkWords("args", args);
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

/** A message of brun with options in the place of flags. Whole command lines stay as they are. */
export function optionsIn(text: string): string {
  if (/\bbrun /.test(text)) return text;
  return text.replace(/(?<![\w-])--([a-z-]+)/g, (whole, flag: string) => {
    const option = flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
    return Object.hasOwn(KINDS, option) ? option : whole;
  });
}

/** Options of a container without a bundle that are no flags. */
const HEARS = ["onNetwork", "mayReach"];

/** The options that say what a container is made from, with those that each of them may have. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  host: ["args", ...Object.keys(SANDBOX_OPTIONS), ...Object.keys(HOST_OPTIONS), ...HEARS],
  rootfs: ["args", ...Object.keys(SANDBOX_OPTIONS), ...Object.keys(ROOTFS_OPTIONS), ...HEARS],
  image: [
    "args",
    ...Object.keys(SANDBOX_OPTIONS),
    ...Object.keys(IMAGE_OPTIONS),
    ...HEARS,
    "onProgress",
    "creds",
  ],
  spec: ["spec", "bundle", "init"],
  bundle: ["bundle", "init"],
};

/** Options that are no flags. */
const RULES = { ...SETTINGS, ...SOME };

const ALL = new Set(Object.values(SOURCES).flat());

/** The option that says what the root is. */
export type SourceName = "host" | "rootfs" | "image" | "spec" | "bundle";

/**
 * Which of `host`, `rootfs`, `image`, `spec` and `bundle` the options have.
 * @throws BrunError ERR_USAGE none or two of them, an option that does not exist, or not for that one
 */
export function sourceOf(options: object): SourceName {
  const values: Readonly<Record<string, unknown>> = { ...options };
  const given = Object.keys(values).filter((name) => values[name] !== undefined);
  const sources = Object.keys(SOURCES).filter((name) => given.includes(name));
  const [source, second] = sources;
  if (source === undefined) {
    throw usage("there is nothing to run", "one of host, rootfs, image, spec and bundle has to be given");
  }
  if (second !== undefined && !(source === "spec" && second === "bundle")) {
    throw usage(`${source} and ${second} exclude each other`);
  }
  if (source === "host" && values.host !== true) {
    throw usage("host: it is true or left out", undefined, "host");
  }
  const allowed = [...SOURCES[source]!, ...Object.keys(SETTINGS)];
  for (const name of given) {
    if (allowed.includes(name)) checkSetting(RULES, name, values[name]);
    else if (ALL.has(name))
      throw usage(`${name}: it does not go with ${source}`, insteadOf(name, source), name);
    else throw noSuchOption(name, allowed);
  }
  return source as SourceName;
}

/** Throws a BrunError ERR_USAGE for options that `confine` does not have, or not with such a value. */
export function checkConfineOptions(options: object): void {
  const { id: _, ...settings } = SETTINGS;
  const allowed = ["args", ...Object.keys(CONFINE_OPTIONS), ...Object.keys(settings)];
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (!allowed.includes(name))
      throw ALL.has(name)
        ? usage(`${name}: it does not go with landlock, where there is no container`, "leave it out", name)
        : noSuchOption(name, allowed);
    checkSetting(settings, name, value);
  }
}

function insteadOf(name: string, source: string): string | undefined {
  if (source === "spec" || source === "bundle") return "the config says it";
  if (name === "writable")
    return source === "host" ? "rw leaves paths writable" : "upper keeps what is written";
  if (name === "rw") return "volume mounts a path of the host";
  return name === "hide" ? "tmpfs covers a path" : undefined;
}
