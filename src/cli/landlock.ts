/** `brun run --host --landlock`: see src/sandbox/landlock.ts. */
import type { Runtime } from "../container/types.ts";
import { BrunError } from "../errors.ts";
import { findProgram } from "../host/find-program.ts";
import { environment } from "../sandbox/environment.ts";
import { hostPath } from "../sandbox/host-path.ts";
import { becomeConfined, landlockAbi, makeTemporary } from "../sandbox/landlock.ts";
import { type LandlockPlan, landlockPlan } from "../sandbox/landlock-rules.ts";
import type { SandboxOptions } from "../sandbox/options.ts";
import { ulimits } from "../sandbox/ulimits.ts";
import type { HostView } from "../sandbox/view.ts";
import { dismissEarlyStage } from "../stage/stage.ts";
import { stepErrorOf } from "../stage/step-error.ts";
import { absolute, exists } from "../sys/fs.ts";
import type { Flags } from "./flags.ts";
import { print } from "./output.ts";
import { sandboxRunFlags } from "./sandbox-flags.ts";
import { emptyStdin } from "./sandbox-stdin.ts";

/** Flags that have a meaning without namespaces. */
const TAKEN = new Set(
  "host landlock connect-port rw rw-all hide with-secrets workdir env env-file ulimit umask entrypoint interactive timing".split(
    " ",
  ),
);

/** Becomes the program. Throws a BrunError or SysError. */
export function runByLandlock(
  rt: Runtime,
  options: SandboxOptions,
  view: HostView,
  args: object,
  interactive: boolean,
): number {
  checkFlags(args);
  const abi = neededAbi();
  const env = environment(options, view).filter((entry) => entry !== "container=brun");
  const words = options.args.length > 0 ? options.args : [view.environment.SHELL ?? "/bin/sh"];
  const cwd = hostPath(options.workdir ?? ".", view);
  const file = fileOf(words[0] ?? "", cwd, env);
  // Errors come before anything is made.
  const { lacks } = landlockPlan(options, view, abi, "/tmp");
  const limits = ulimits(options.ulimit);
  for (const lack of lacks) rt.warn(`landlock of this kernel (ABI ${abi}) lacks something: ${lack}`);
  if (!interactive) emptyStdin(rt);
  dismissEarlyStage();
  const { client } = rt;
  const temporary = makeTemporary(view.environment.TMPDIR || "/tmp", client?.lifeline ?? -1);
  const own = ["TMPDIR", "TMP", "TEMP"];
  becomeConfined({
    plan: landlockPlan(options, view, abi, temporary),
    args: words,
    file,
    env: [
      ...env.filter((entry) => !own.includes(entry.slice(0, entry.indexOf("=")))),
      ...own.map((name) => `${name}=${temporary}`),
    ],
    cwd,
    umask: options.umask === undefined ? undefined : Number.parseInt(options.umask, 8),
    limits,
    ready: client?.becomes,
  });
}

/** The error of a machine that refuses namespaces, with a hint at --landlock; null for another error. */
export function offered(error: unknown): BrunError | null {
  const step = stepErrorOf(error)?.step;
  if (!(error instanceof BrunError) || step?.kind !== "cloneInto" || landlockAbi() === 0) return null;
  const { message, code, where, hint, exitCode } = error;
  const told = hint === undefined ? OFFER : `${hint}; ${OFFER}`;
  return new BrunError(message, { code, where, hint: told, exitCode, cause: error });
}

const OFFER =
  "run --host --landlock needs none, and has less: no copies, no network but TCP ports that are named, no container";

/** What the program may do, as a text for people. */
export function explainLandlock(options: SandboxOptions, view: HostView, args: object): number {
  checkFlags(args);
  print(explanation(landlockPlan(options, view, neededAbi(), TEMPORARY)));
  return 0;
}

const TEMPORARY = "$TMPDIR";
const WRITE = 2;

function explanation({ rules, ports, lacks }: LandlockPlan): string {
  const line = (title: string, what: readonly string[]) =>
    `${title.padEnd(10)}${what.join("\n          ")}\n`;
  const written = rules.filter(({ access }) => (access & WRITE) !== 0).map(({ path }) => path);
  const read = rules.filter(({ access }) => (access & WRITE) === 0).map(({ path }) => path);
  return (
    line("write", written) +
    line("read", read) +
    line("connect", ports.length === 0 ? ["nothing"] : ports.map((port) => `TCP port ${port}`)) +
    line("besides", ["the default filter of system calls, no Unix sockets, no UDP, no_new_privs"]) +
    (lacks.length === 0 ? "" : line("lacks", lacks))
  );
}

function neededAbi(): number {
  const abi = landlockAbi();
  if (abi > 0) return abi;
  throw new BrunError("this kernel has no landlock, or it may not be used here", {
    where: "--landlock",
    hint: "Linux 5.13 and later have it, where the parameter lsm= does not leave it out",
  });
}

function checkFlags(args: object): void {
  for (const [name, value] of Object.entries(args)) {
    const given = Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
    const { default: usual } = (sandboxRunFlags as Flags)[name] ?? {};
    if (TAKEN.has(name) || !given || value === usual) continue;
    const flag = name === "container-id" ? "a name" : `--${name}`;
    throw new BrunError(`${flag} has no use with --landlock: the program is in no container`, {
      code: "ERR_USAGE",
      where: "--landlock",
      hint: "leave it out, or --landlock",
    });
  }
}

function fileOf(word: string, cwd: string, env: readonly string[]): string {
  const path = env.findLast((entry) => entry.startsWith("PATH="))?.slice("PATH=".length);
  const file = word.includes("/") ? absolute(word, cwd) : findProgram(word, path);
  if (file !== null && exists(file)) return file;
  const where = word.includes("/") ? "no such file or directory" : "executable file not found in $PATH";
  throw new BrunError(`exec: "${word}": ${where}`, { code: "ENOENT", exitCode: 127 });
}
