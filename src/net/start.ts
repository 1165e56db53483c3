/** Starts and ends a relay by the hooks of its container. */
import { ownCommand } from "../host/ask.ts";
import { PR } from "../sys/constants.ts";
import { cstr, hasFront, NR, syscall } from "../sys/ffi.ts";
import { close, mkdirAll, O, open, writeFd } from "../sys/fs.ts";
import { makePipe } from "../sys/pipe.ts";
import { type Child, shellStatus, spawn, waitChild } from "../sys/spawn.ts";
import { awaitEnd, Control } from "./control.ts";
import { releaseCode } from "./memory.ts";
import { type RelayOptions, relay } from "./relay.ts";

/** The names of a relay's files. */
export interface RelayPlace {
  /** The directory of its socket. */
  readonly directory: string;
  /** The id of the container. */
  readonly id: string;
}

/** The interpreter is enough for what a relay runs, and takes less memory. Without it only the front can call C. */
const ENVIRONMENT = hasFront ? ["BUN_JSC_useJIT=0"] : [];

/** The socket by which `brun update` changes the relay's list. */
export function controlPath({ directory, id }: RelayPlace): string {
  return `${directory}/${id}.relay`;
}

/**
 * Starts a relay and waits until it is ready, like nsenter/front/hook.c. The result is the exit code; the relay
 * prints the error itself. Throws a SysError.
 * @param options a {@link RelayOptions} in JSON
 */
export function startRelay({ directory, id }: RelayPlace, options: string): number {
  const { reader, writer } = makePipe();
  const [path, ...script] = ownCommand();
  const argv = [path, ...script, "sandbox-hook", "relay", "relay", directory, id, options];
  const { client } = JSON.parse(options) as RelayOptions;
  let child: Child;
  try {
    child = spawn({
      ...{ path, argv, env: ENVIRONMENT, stdio: [-1, writer, -1] },
      ...(client !== undefined && { keepFd: client.fd }),
    });
  } finally {
    close(writer);
  }
  const isReady = syscall(NR.read, reader, new Uint8Array(8), 8) > 0;
  return isReady ? 0 : shellStatus(waitChild(child.pid)) || 1;
}

/**
 * Runs the relay in this process, and returns when the container has ended. When it is ready it prints a line, and leaves
 * the streams of the hook. Throws a BrunError or SysError.
 * @param options a {@link RelayOptions} in JSON
 * @param pid the container's first process
 */
export function isRelay(place: RelayPlace, options: string, pid: number): void {
  syscall(NR.setsid);
  syscall(NR.prctl, PR.SET_DUMPABLE, 0, 0, 0, 0);
  syscall(NR.prctl, PR.SET_NAME, cstr("brun:[relay]"), 0, 0, 0);
  syscall(NR.chdir, cstr("/"));
  mkdirAll(place.directory);
  const control = new Control(controlPath(place));
  try {
    relay(JSON.parse(options) as RelayOptions, pid, control, tellReady);
  } catch (error) {
    control.end();
    throw error;
  }
}

function tellReady(): void {
  writeFd(1, "ready\n", "the pipe");
  const none = open("/dev/null", O.RDWR);
  for (const fd of [0, 1, 2]) syscall(NR.dup3, none, fd, 0);
  close(none);
  releaseCode();
}

/** Waits for the end of the relay of an ended container, like nsenter/front/hook.c. Throws a SysError. */
export function endRelay(place: RelayPlace): void {
  awaitEnd(controlPath(place));
}
