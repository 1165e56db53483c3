/**
 * Where the output of detached containers without a bundle is kept: `log` and `log.1`, which the supervisor writes
 * (nsenter/stage/keep.c), in a directory of the container's own below $XDG_STATE_HOME/brun/logs. They go with the container.
 */
import { call, variable } from "../../host/ask.ts";
import { uncacheable } from "../../host/recorder.ts";
import { SysError } from "../../sys/error.ts";
import { exists, mkdirAll, readdir, rmdir, unlink } from "../../sys/fs.ts";
import { utf8 } from "../../sys/utf8.ts";
import { inFirstNamespace } from "../state/root.ts";

/** How the output of a detached container is kept. */
export interface Kept {
  /** The directory of the log. */
  readonly directory: string;
  /** It has a terminal. */
  readonly terminal: boolean;
  /** Its stdin is open for `attach`. */
  readonly interactive: boolean;
}

/** How the output is to be kept. */
export interface KeptOptions {
  readonly interactive: boolean;
  /** Bytes of both files of the log together. */
  readonly size: number;
}

/** Files in the log's directory, the older one first. */
export const LOG_FILES = ["log.1", "log"] as const;

/** Default size of both files together. */
export const LOG_SIZE = 16 * 1024 * 1024;

/** Bytes of each of the log's two files. */
export function limitOf(size: number): number {
  return Math.ceil(size / 2);
}

/** $XDG_STATE_HOME/brun or ~/.local/state/brun; root's is /var/lib/brun. Undefined when there is none. */
function stateHome(): string | undefined {
  if (call("geteuid") === 0 && inFirstNamespace()) return "/var/lib/brun";
  const [xdg, home] = [variable("XDG_STATE_HOME"), variable("HOME")];
  if (xdg?.startsWith("/")) return `${xdg}/brun`;
  return home?.startsWith("/") && home !== "/" ? `${home}/.local/state/brun` : undefined;
}

/**
 * Makes the directory of all logs, if possible. Containers without a bundle have a cover over it. They would see a directory
 * that is made after they have started.
 */
export function makeStateHome(): void {
  const home = stateHome();
  if (home === undefined || exists(home)) return;
  try {
    mkdirAll(home);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
  }
}

/**
 * Makes the log directory of a container whose id the caller has claimed. Removes the directories of containers that no longer
 * exist, as after a restart of the machine. If the state home is not writable, the log is in the state directory, which is
 * often in memory. Throws a SysError.
 */
export function makeKeptLog(root: string, id: string): string {
  const home = stateHome();
  if (home !== undefined) {
    const hash = new Bun.CryptoHasher("sha256").update(utf8(root)).digest("hex").slice(0, 16);
    try {
      return makeIn(`${home}/logs/${hash}`, root, id);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
    }
  }
  uncacheable("the log is in the state directory, where it need not be the next time");
  // No container has such a name.
  return makeIn(`${root}/@logs`, root, id);
}

function makeIn(all: string, root: string, id: string): string {
  const directory = `${all}/${id}`;
  mkdirAll(all);
  for (const other of readdir(all)) {
    if (other !== id && !exists(`${root}/${other}`)) removeKeptLog(`${all}/${other}`);
  }
  removeKeptLog(directory);
  mkdirAll(directory);
  return directory;
}

/** Removes the directory, and its parent if that is empty then. */
export function removeKeptLog(directory: string): void {
  for (const file of LOG_FILES) unlink(`${directory}/${file}`);
  rmdir(directory);
  rmdir(parentOf(directory));
}

/** The directory of all logs of a state directory. */
export function parentOf(directory: string): string {
  return directory.slice(0, directory.lastIndexOf("/"));
}
