/** `brun unshare`: a command in the user namespace that the caller's containers get. */
import { currentCaller, setgroupsDenied } from "../../rootless/caller.ts";
import { rangesObstacle } from "../../rootless/default-ids.ts";
import { writeMaps } from "../../rootless/mapping.ts";
import { loadSubids } from "../../rootless/subid.ts";
import { hostProcessConfig } from "../config/host-process.ts";
import { BrunError } from "../errors.ts";
import { unshareInit } from "../init/unshare.ts";
import { launchStage } from "../stage/launch.ts";
import { Message, sendMessage } from "../stage/messages.ts";
import { becomeSupervisor } from "../stage/supervise.ts";
import { PR } from "../sys/constants.ts";
import { variable } from "../sys/environment.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close } from "../sys/fs.ts";
import { keepSignals } from "../sys/interrupt.ts";
import { waitChild } from "../sys/spawn.ts";
import { Conversation } from "./conversation.ts";

/**
 * Runs a command as root of a user namespace with the mapping that a container without mappings gets, in a mount
 * namespace of its own: what belongs to the caller's subordinate ids can be unpacked, changed and removed there.
 * This process becomes the supervisor, which forwards signals and ends with the command's status.
 *
 * @param args the command; found by PATH unless it has a slash
 * @param environment of the command, NAME=value
 * Throws a BrunError or SysError when the command cannot be started.
 */
export function unshare(args: readonly string[], environment: readonly string[]): never {
  const caller = currentCaller();
  const config = hostProcessConfig({
    caller,
    namespaces: ["mount"],
    subids: () => loadSubids(caller.uid, caller.userName),
    obstacle: (subids) => rangesObstacle(caller, subids, variable("PATH")),
    setgroupsDenied,
    args,
    env: environment,
  });
  const stage = launchStage(0);
  const conversation = new Conversation(stage, () => [unshareInit(config, true)]);
  let early = -1;
  try {
    syscall(NR.prctl, PR.SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    conversation.send(unshareInit(config));
    for (;;) {
      const message = conversation.next();
      if (message.type === Message.ready) break;
      if (message.type === Message.map) {
        writeMaps(conversation.pid, config.maps!, caller, variable("PATH"));
        sendMessage(stage.socket, Message.resume);
      } else if (message.type !== Message.pid) {
        throw new BrunError(`unexpected message ${message.type} from the stage`);
      }
    }
    waitChild(stage.pid);
    early = keepSignals();
    sendMessage(stage.socket, Message.run);
    conversation.awaitExec();
  } catch (error) {
    close(stage.socket);
    conversation.kill();
    // There is no config.json for a path to point into.
    throw error instanceof BrunError ? new BrunError(error.message, { hint: error.hint }) : error;
  }
  close(stage.socket);
  return becomeSupervisor({
    pid: conversation.pid,
    pidfd: conversation.pidfd,
    terminal: -1,
    host: -1,
    notify: -1,
    upstream: -1,
    early,
    cleanup: null,
  });
}
