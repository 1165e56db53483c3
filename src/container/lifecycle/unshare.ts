/** `brun unshare`: a command in the user namespace that the caller's containers get. */
import { currentCaller, mayMakeContainers, setgroupsDenied } from "../../../rootless/caller.ts";
import { rangesObstacle } from "../../../rootless/default-ids.ts";
import { writeMaps } from "../../../rootless/mapping.ts";
import { loadSubids } from "../../../rootless/subid.ts";
import { hostProcessConfig } from "../../config/host-process.ts";
import type { ContainerConfig } from "../../config/types.ts";
import { BrunError } from "../../errors.ts";
import { unshareInit } from "../../init/unshare.ts";
import type { UsernsMode } from "../../modes.ts";
import type { Namespace } from "../../spec/index.ts";
import { Message } from "../../stage/messages.ts";
import { Session } from "../../stage/session.ts";
import { becomeSupervisor } from "../../stage/supervise.ts";
import { PR } from "../../sys/constants.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { keepSignals } from "../../sys/interrupt.ts";

/** The command, and how it runs. */
export interface UnsharedCommand {
  /** The command; found by PATH unless it has a slash. */
  readonly args: readonly string[];
  /** NAME=value. */
  readonly environment: readonly string[];
  readonly namespaces: readonly Namespace["type"][];
  /** Descriptors that become 0, 1 and 2 instead of the caller's. */
  readonly stdio?: readonly [number, number, number];
  readonly userns?: UsernsMode | undefined;
}

/** Where it runs, with the mapping that a container without mappings gets. Throws a BrunError. */
export function unsharedConfig(command: UnsharedCommand): ContainerConfig {
  const caller = currentCaller();
  return hostProcessConfig({
    caller,
    namespaces: command.namespaces,
    subids: () => loadSubids(caller.uid, caller.userName),
    obstacle: (subids) => rangesObstacle(caller, subids),
    userns: command.userns,
    lesserRoot: caller.uid === 0 && !mayMakeContainers(),
    setgroupsDenied,
    args: command.args,
    env: command.environment,
  });
}

/** A process that has been started: this one's child. */
export interface UnsharedProcess {
  readonly pid: number;
  readonly pidfd: number;
}

/**
 * Starts a command as root of a user namespace, with all capabilities over its ids, in namespaces of its own.
 * @param beforeIt is called when all is ready but the command
 * @throws BrunError or SysError it cannot be started
 */
export function startUnshared(
  command: UnsharedCommand,
  config = unsharedConfig(command),
  beforeIt: () => void = () => {},
): UnsharedProcess {
  const caller = currentCaller();
  const session = new Session(() => [unshareInit(config, true)], { stdio: command.stdio });
  try {
    session.send(unshareInit(config));
    session.until(Message.ready, {
      [Message.map]: () => {
        writeMaps(session.pid, config.maps!, caller);
        session.resume();
      },
    });
    session.reapStage();
    beforeIt();
    session.run();
    session.awaitExec();
  } catch (error) {
    session.end();
    // There is no config.json for a path to point into.
    throw error instanceof BrunError
      ? new BrunError(error.message, { code: error.code, hint: error.hint })
      : error;
  }
  session.leave();
  return session;
}

/**
 * Runs a command as root of a user namespace with the mapping that a container without mappings gets, in a mount
 * namespace of its own: what belongs to the caller's subordinate ids can be unpacked, changed and removed there.
 * This process becomes the supervisor, which forwards signals and ends with the command's status.
 *
 * @param args the command; found by PATH unless it has a slash
 * @param environment of the command, NAME=value
 * @param stdin a descriptor in place of the caller's stdin
 * Throws a BrunError or SysError when the command cannot be started.
 */
export function unshare(args: readonly string[], environment: readonly string[], stdin?: number): never {
  const stdio = stdin === undefined ? {} : { stdio: [stdin, 1, 2] as const };
  const command: UnsharedCommand = { args, environment, namespaces: ["mount"], ...stdio };
  const config = unsharedConfig(command);
  let early = -1;
  syscall(NR.prctl, PR.SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  const { pid, pidfd } = startUnshared(command, config, () => {
    early = keepSignals();
  });
  return becomeSupervisor({
    pid,
    pidfd,
    terminal: -1,
    host: -1,
    notify: -1,
    upstream: -1,
    early,
    raises: true,
    cleanup: null,
  });
}
