/** Further questions about the caller: its environment as a whole, its umask, its place on a terminal. */
import { InputKind } from "../plan/file-abi.ts";
import { IOCTL } from "../sys/constants.ts";
import * as given from "../sys/environment.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { utf8 } from "../sys/utf8.ts";
import { variable } from "./ask.ts";
import { isPlain } from "./plain-variables.ts";
import { asking, record } from "./recorder.ts";
import { word } from "./words.ts";

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

/** Whether a descriptor is a terminal. */
export function isTerminal(fd: number): boolean {
  const size = new Uint16Array(4);
  const there = asking(() => syscall(NR.ioctl, fd, IOCTL.TIOCGWINSZ, size) === 0);
  record(InputKind.tty, fd, "", word(there ? 1 : 0));
  return there;
}
