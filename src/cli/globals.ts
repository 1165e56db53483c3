/** The global flags, which stand before the command, and their effect. */

import type { CgroupManagerName } from "../cgroup/types.ts";
import { callerIdentity, defaultRoot, givenRoot, useDefaultRoot } from "../container/state/root.ts";
import type { Client, Runtime } from "../container/types.ts";
import { BrunError } from "../errors.ts";
import { variable } from "../sys/environment.ts";
import { lazy } from "../sys/lazy.ts";
import type { Values } from "./flags.ts";
import type { globalFlags } from "./hot-flags.ts";
import { type LogOptions, log } from "./log.ts";
import { timingMark } from "./timing.ts";

const fallBackModule = lazy<typeof import("../plan/fall-back.ts")>(() => require("../plan/fall-back.ts"));
const apiClientModule = lazy<typeof import("./api-client.ts")>(() => require("./api-client.ts"));

export type GlobalValues = Values<typeof globalFlags>;

/**
 * The log that the log flags ask for.
 * @throws BrunError a format or a target that brun does not have
 */
export function logOptions(values: GlobalValues): LogOptions {
  const format = values["log-format"];
  if (format !== "text" && format !== "json" && format !== "") {
    throw new BrunError(`invalid log-format: ${format}`, { hint: "text or json" });
  }
  const file = values.log;
  if (file?.startsWith("journald:") || file?.startsWith("syslog:")) {
    const program = file.startsWith("syslog:") ? "logger" : "systemd-cat";
    throw new BrunError(`--log ${file}: brun writes its log to files only`, {
      hint: `pipe stderr to ${program}`,
    });
  }
  return { file: file || undefined, format: format === "json" ? "json" : "text", debug: values.debug };
}

/** What a command gets besides its own flags: citty's `data`. */
export interface Session {
  readonly values: GlobalValues;
  readonly log: LogOptions;
}

/**
 * The runtime for the lifecycle operations. It finds and prepares the state directory, so a command that needs none does not
 * call this.
 * @param timing whether `--timing` is given; undefined for commands that do not have it
 * @throws BrunError a flag's value that is not allowed, a state directory that is not safe to use
 */
export function openRuntime(session: Session, timing?: boolean): Runtime {
  return runtimeOf(session, timing, useDefaultRoot);
}

/** {@link openRuntime} for a command that only looks: the state directory is neither made nor checked. */
export function viewRuntime(session: Session): Runtime {
  return runtimeOf(session, undefined, (caller) => defaultRoot(caller).path);
}

function runtimeOf(
  { values, log: options }: Session,
  timing: boolean | undefined,
  chooseRoot: typeof useDefaultRoot,
): Runtime {
  let client: Client | undefined;
  const cgroupManager = chooseCgroupManager(values);
  const rootless = values.rootless === "auto" ? "auto" : parseRootless(values.rootless);
  const timed = timing !== undefined && (timing || variable("BRUN_TIMING") === "1");
  const phases = timed ? timingMark() : undefined;
  phases?.("command line read");
  const root = values.root === undefined ? chooseRoot(callerIdentity()) : givenRoot(values.root);
  if (values.client !== undefined) {
    const { openClient } = apiClientModule();
    client = openClient(values.client);
  }
  const debug = options.debug ? (message: string) => log(options, "debug", message) : undefined;
  debug?.(`state directory ${root}`);
  if (debug !== undefined || timed) tellFallBack(debug ?? phases);
  return {
    root,
    cgroupManager,
    rootless,
    warn: (message) => log(options, "warning", message),
    debug,
    mark: debug === undefined ? phases : both(debug, phases),
    client,
  };
}

/** Why the fast path has not done the command. */
function tellFallBack(tell: ((line: string) => void) | undefined): void {
  const reason = fallBackModule().fallBackReason();
  if (reason !== null) tell?.(`fast path left: ${reason}`);
}

/** For `--debug` phases are lines as well. */
function both(debug: (message: string) => void, phases: Runtime["mark"]): Runtime["mark"] {
  return (phase) => {
    debug(phase);
    phases?.(phase);
  };
}

const MANAGERS: readonly string[] = ["auto", "systemd", "cgroupfs", "disabled"];

function chooseCgroupManager(values: GlobalValues): CgroupManagerName {
  const name = values["cgroup-manager"];
  if (name === undefined) return values["systemd-cgroup"] ? "systemd" : "auto";
  if (!MANAGERS.includes(name)) {
    throw new BrunError(`invalid value "${name}" for flag --cgroup-manager`, {
      hint: "auto, systemd, cgroupfs or disabled",
    });
  }
  if (!values["systemd-cgroup"]) return name as CgroupManagerName;
  if (name !== "systemd" && name !== "auto") {
    throw new BrunError(`--systemd-cgroup and --cgroup-manager=${name} exclude each other`);
  }
  return "systemd";
}

function parseRootless(text: string): boolean | "auto" {
  const word = text.toLowerCase();
  if (word === "" || word === "auto") return "auto";
  if (word === "true" || word === "1" || word === "t") return true;
  if (word === "false" || word === "0" || word === "f") return false;
  throw new BrunError(`invalid value "${text}" for flag --rootless`, { hint: "true, false or auto" });
}
