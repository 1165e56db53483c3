/** Further questions about the caller: its environment as a whole, its umask, its place on a terminal. */
import { InputKind } from "../plan/file-abi.ts";
import { IOCTL } from "../sys/constants.ts";
import * as given from "../sys/environment.ts";
import { NR, syscall } from "../sys/ffi.ts";
import * as fs from "../sys/fs.ts";
import { utf8 } from "../sys/utf8.ts";
import { variable } from "./ask.ts";
import { hasSharedEntry } from "./ask-files.ts";
import { isPlain } from "./plain-variables.ts";
import { asking, record } from "./recorder.ts";
import { word, words } from "./words.ts";

/** The environment, by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The environment. Each variable that is read is an input. Of the variables that {@link variables} lists, those
 * that are not plain are inputs.
 */
export function environment(): Environment {
  let all: Environment | undefined;
  const known = (): Environment => {
    all ??= asking(given.environment);
    return all;
  };
  return new Proxy<Environment>(Object.create(null) as Environment, {
    get: (_, name) => (typeof name === "string" ? variable(name) : undefined),
    has: (_, name) => typeof name === "string" && variable(name) !== undefined,
    ownKeys() {
      recordNotable(known());
      return Object.keys(known());
    },
    getOwnPropertyDescriptor: (_, name) => {
      const value = typeof name === "string" ? known()[name] : undefined;
      return value === undefined
        ? undefined
        : { value, enumerable: true, configurable: true, writable: false };
    },
  });
}

/** All variables of an {@link Environment}. Only those that are not plain may decide anything. */
export function variables(environment: Environment): [name: string, value: string][] {
  const described = Object.entries(Object.getOwnPropertyDescriptors(environment));
  return described.flatMap(([name, { value }]) => (value === undefined ? [] : [[name, value as string]]));
}

/** The environment without the variables that are passed on in a hole. These can still be read by name. */
export function withoutPlain(environment: Environment): Environment {
  const notable = variables(environment).filter(([name, value]) => !isPlain(name, value));
  const kept = Object.fromEntries(notable);
  return new Proxy<Environment>(kept, { get: (_, name) => environment[name as string] });
}

function recordNotable(environment: Environment): void {
  let text = "";
  for (const [name, value = ""] of Object.entries(environment))
    if (!isPlain(name, value)) text += `${name}=${value}\0`;
  record(InputKind.environment, 0, "", utf8(text));
}

/** The umask. umask(2) returns it only when it changes it. */
export function fileMask(): number {
  const mask = asking(() => {
    const before = syscall(NR.umask, 0o077);
    syscall(NR.umask, before);
    return before;
  });
  record(InputKind.mask, 0, "", word(mask));
  return mask;
}

/** Whether this process is in the background of the terminal on its stdin. */
export function isInBackground(): boolean {
  const group = new Int32Array(1);
  const inBackground = asking(
    () => syscall(NR.ioctl, 0, IOCTL.TIOCGPGRP, group) >= 0 && group[0] !== syscall(NR.getpgid, 0),
  );
  record(InputKind.background, 0, "", word(inBackground ? 1 : 0));
  return inBackground;
}

/** The current directory, as far as plans depend on it. */
export interface Here {
  /** Its path, for a hole of the plan. It is no input. */
  readonly inHole: string;
  /** Whether it is a directory, or below it. */
  readonly isIn: (directory: string) => boolean;
  readonly isAt: (directory: string) => boolean;
  /** Whether it is in a directory, and so are only directories of the caller on the way from there. */
  readonly isByOwnWay: (directory: string, uid: number, gid: number) => boolean;
  /** {@link hasSharedEntry} */
  readonly isShared: (uid: number, gid: number) => boolean;
}

/** The current directory. Throws a SysError if it has no path. */
export function here(): Here {
  const path = asking(() => fs.absolute("."));
  const isIn = (directory: string) => directory === "/" || `${path}/`.startsWith(`${directory}/`);
  const asked = (detail: number, directory: string, answer: boolean): boolean => {
    record(InputKind.inside, detail, directory, word(answer ? 1 : 0));
    return answer;
  };
  return {
    inHole: path,
    isIn: (directory) => asked(0, directory, isIn(directory)),
    isAt: (directory) => asked(1, directory, directory === path),
    isByOwnWay(directory, uid, gid) {
      const found = isIn(directory) && asking(() => isOwnWay(directory, path, uid, gid));
      record(InputKind.ownWay, 0, directory, words([uid, gid, found ? 1 : 0]));
      return found;
    },
    isShared: (uid, gid) => hasSharedEntry(".", uid, gid),
  };
}

function isOwnWay(from: string, to: string, uid: number, gid: number): boolean {
  for (let at = to; at.length > from.length; at = at.slice(0, at.lastIndexOf("/"))) {
    const stat = fs.tryStat(at, true);
    if (typeof stat === "number" || (stat.mode & fs.S.IFMT) !== fs.S.IFDIR) return false;
    if (stat.uid !== uid || stat.gid !== gid) return false;
  }
  return true;
}

/** Whether a descriptor is a terminal. */
export function isTerminal(fd: number): boolean {
  const size = new Uint16Array(4);
  const there = asking(() => syscall(NR.ioctl, fd, IOCTL.TIOCGWINSZ, size) === 0);
  record(InputKind.tty, fd, "", word(there ? 1 : 0));
  return there;
}
