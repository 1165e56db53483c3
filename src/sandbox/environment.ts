/** The environment of a sandbox's program. */
import type { NamedUser } from "../config/user-names.ts";
import { BrunError } from "../errors.ts";
import { variables as variablesOf, withoutPlain } from "../host/ask-caller.ts";
import { uncacheable } from "../host/recorder.ts";
import { cdiEnvironment } from "./cdi.ts";
import { fakeRootEnvironment } from "./fake-root.ts";
import type { SandboxOptions } from "./options.ts";
import { isSecretVariable } from "./secret-variables.ts";
import type { HostView } from "./view.ts";

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * The environment as NAME=value. A sandbox of the host gets the host's variables that are not secret; for
 * another root there is little more than PATH. --env-file and --env are added; the last value counts. Throws
 * a BrunError.
 */
export function environment(options: SandboxOptions, view: HostView): string[] {
  const variables: Variables = new Map();
  if (options.root.kind === "host") {
    inherit(variables, view, options.withSecrets);
    // Allowed names do not include the caller's proxy, and need none.
    if (options.allowNet.length > 0) for (const name of PROXIES) variables.delete(name);
    // Debian's shells show this variable in the prompt.
    if (options.terminal && variables.get("debian_chroot") == null) variables.set("debian_chroot", "brun");
  } else {
    variables.set("PATH", PATH);
    for (const entry of options.imageEnv ?? []) {
      const equals = entry.indexOf("=");
      variables.set(entry.slice(0, equals), entry.slice(equals + 1));
    }
    variables.set("HOSTNAME", options.hostname ?? options.id);
    if (options.network !== undefined && options.network !== "none") proxies(variables, view);
    const { TERM } = view.environment;
    if (options.terminal) variables.set("TERM", TERM || "xterm");
  }
  // podman and systemd set it, too.
  variables.set("container", "brun");
  for (const entry of cdiEnvironment(options, view)) assign(variables, entry, view, "--device");
  for (const [name, value] of fakeRootEnvironment(options, view)) variables.set(name, value);
  for (const file of options.envFile) readFile(variables, file, view);
  for (const assignment of options.env) assign(variables, assignment, view, "--env");
  return [...variables].flatMap(([name, value]) => (value === null ? [] : [`${name}=${value}`]));
}

/** {@link environment}, with the name and the home of another user of the host if the program is to be that one. Throws a BrunError. */
export function environmentOf(options: SandboxOptions, view: HostView, who: NamedUser): string[] {
  const env = environment(options, view);
  if (options.user !== undefined && options.root.kind === "host") asUser(env, who, options.env);
  return env;
}

/** The environment without variables that are only passed on; null for another root, which has none. */
export function fixedEnvironment(options: SandboxOptions, view: HostView, who: NamedUser): string[] | null {
  if (options.root.kind !== "host") return null;
  return environmentOf(options, { ...view, environment: withoutPlain(view.environment) }, who);
}

/** Sets the name and the home of another user of the host. */
function asUser(env: string[], who: NamedUser, given: readonly string[]): void {
  for (const [name, value] of [
    ["USER", who.name],
    ["LOGNAME", who.name],
    ["HOME", who.home],
  ] as const) {
    const at = env.findIndex((entry) => entry.startsWith(`${name}=`));
    if (value === null || at < 0 || given.some((entry) => entry.startsWith(`${name}=`))) continue;
    env[at] = `${name}=${value}`;
  }
}

/** Variables by name, in the order of the environment; null for hidden ones. */
type Variables = Map<string, string | null>;

/**
 * Passes the caller's proxy variables on, as podman's --http-proxy does by default: a program with a network
 * reaches it in the same way as the caller.
 */
function proxies(variables: Variables, view: HostView): void {
  for (const name of PROXIES) {
    const value = view.environment[name];
    if (value !== undefined && !isSecretVariable(name, value)) variables.set(name, value);
  }
}

const PROXIES = [
  ...["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ftp_proxy", "FTP_PROXY"],
  ...["all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"],
];

function inherit(variables: Variables, view: HostView, withSecrets: boolean): void {
  for (const [name, value] of variablesOf(view.environment)) {
    // The container gets another socket instead, if any.
    const hidden = name === "NOTIFY_SOCKET" || (!withSecrets && isSecretVariable(name, value));
    variables.set(name, hidden ? null : value);
  }
}

/**
 * Reads lines NAME=value, or NAME or NAME* for the caller's own variables. # begins a comment (podman-run(1),
 * --env-file).
 */
function readFile(variables: Variables, file: string, view: HostView): void {
  const lines = view.given(`--env-file ${file}`, file).split("\n");
  lines.forEach((line, i) => {
    const trimmed = line.trimStart();
    if (trimmed !== "" && !trimmed.startsWith("#")) {
      assign(variables, trimmed.replace(/\r$/, ""), view, `--env-file ${file}:${i + 1}`);
    }
  });
}

function assign(variables: Variables, assignment: string, view: HostView, flag: string): void {
  const equals = assignment.indexOf("=");
  if (equals > 0) {
    variables.set(assignment.slice(0, equals), assignment.slice(equals + 1));
    return;
  }
  if (equals === 0 || assignment === "") {
    throw new BrunError(`"${assignment}" has no name`, { where: flag, hint: "NAME=value, or NAME alone" });
  }
  if (!assignment.endsWith("*")) {
    const value = view.environment[assignment];
    if (value !== undefined) variables.set(assignment, value);
    return;
  }
  uncacheable(`any variable may be one of ${flag} ${assignment}`);
  for (const [name, value] of variablesOf(view.environment)) {
    if (name.startsWith(assignment.slice(0, -1))) variables.set(name, value);
  }
}
