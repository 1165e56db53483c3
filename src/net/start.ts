/** Starts and ends a relay by the hooks of its container. */
import { BrunError } from "../errors.ts";
import { ownCommand } from "../host/ask.ts";
import { PR } from "../sys/constants.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { close, mkdirAll, O, open, readFd, unlink, writeFd } from "../sys/fs.ts";
import { makePipe } from "../sys/pipe.ts";
import { POLLIN, waitFd } from "../sys/poll.ts";
import { spawn } from "../sys/spawn.ts";
import { fromUtf8 } from "../sys/utf8.ts";
import { awaitEnd, Control } from "./control.ts";
import { type RelayOptions, relay } from "./relay.ts";

/** The names of a relay's files. */
export interface RelayPlace {
  /** The directory of its socket. */
  readonly directory: string;
  /** The id of the container. */
  readonly id: string;
}

const READY_MS = 20_000;
const READY = "ready";

/** The socket by which `brun update` changes the relay's list. */
export function controlPath({ directory, id }: RelayPlace): string {
  return `${directory}/${id}.relay`;
}

/**
 * Starts a relay and waits until it is ready. Throws a BrunError.
 * @param options a {@link RelayOptions} in JSON
 * @param pid the container's first process
 */
export function startRelay({ directory, id }: RelayPlace, options: string, pid: number): void {
  mkdirAll(directory);
  const { reader, writer } = makePipe();
  const none = open("/dev/null", O.RDWR);
  const [path, ...script] = ownCommand();
  const argv = [path, ...script, "sandbox-hook", "relay", "relay", directory, id, options, `${pid}`];
  try {
    const { client } = JSON.parse(options) as RelayOptions;
    const kept = client === undefined ? {} : { keepFd: client.fd };
    spawn({ path, argv, env: [], stdio: [none, writer, none], processGroup: true, ...kept });
  } finally {
    for (const fd of [writer, none]) close(fd);
  }
  const isLate = waitFd(reader, POLLIN, READY_MS) === 0;
  const said = isLate ? "it is not ready after 20 s" : fromUtf8(readFd(reader, "the relay's answer"));
  close(reader);
  if (said === READY) return;
  const { message, where, hint } = parsed(said);
  throw new BrunError(message, { where: where ?? "--allow-net", hint });
}

function parsed(said: string): { message: string; where?: string; hint?: string } {
  if (said.startsWith("{")) return JSON.parse(said) as { message: string };
  return { message: `the relay for names did not start: ${said || "it has ended"}` };
}

/** Runs the relay in this process, and returns when the container has ended. */
export function isRelay(place: RelayPlace, options: string, pid: number): void {
  syscall(NR.setsid);
  syscall(NR.prctl, PR.SET_DUMPABLE, 0, 0, 0, 0);
  syscall(NR.prctl, PR.SET_NAME, cstr("brun:[relay]"), 0, 0, 0);
  syscall(NR.chdir, cstr("/"));
  try {
    const control = new Control(controlPath(place));
    relay(JSON.parse(options) as RelayOptions, pid, control, () => tell(READY));
  } catch (error) {
    const { message } = error as Error;
    const { where, hint } = error instanceof BrunError ? error : ({} as Partial<BrunError>);
    unlink(controlPath(place));
    tell(JSON.stringify({ message, where, hint }));
    throw error;
  }
}

/** Answers the process that has started this one. This works once, since stdout is /dev/null afterwards. */
function tell(text: string): void {
  writeFd(1, text, "the pipe");
  const none = open("/dev/null", O.RDWR);
  syscall(NR.dup3, none, 1, 0);
  close(none);
}

/** Waits for the end of the relay of an ended container. Throws a SysError. */
export function endRelay(place: RelayPlace): void {
  awaitEnd(controlPath(place));
}
