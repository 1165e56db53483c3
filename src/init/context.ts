/** The state that all parts of the init compiler share. */
import type { ContainerConfig, ProcessConfig } from "../config/types.ts";
import type { Blob, ProgramBuilder, Slot } from "../plan/program.ts";
import { PR, RESOLVE } from "../sys/constants.ts";
import { O } from "../sys/fs.ts";
import { members } from "../sys/members.ts" with { type: "macro" };
import type { HookOutput } from "./hook-output.ts";

/** The compiler's state: the program being built and the descriptors that later parts need. */
export interface InitContext<Config extends ProcessConfig = ContainerConfig> {
  readonly config: Config;
  b: ProgramBuilder;
  /** The container's root, which is a mount (O_PATH). */
  root: Slot;
  /** The FIFO that `start` writes to, if there is one. */
  fifo: Slot | null;
  /** Stored open_how structs, by their contents. */
  readonly hows: Map<number, Blob>;
  /** Stored mount_attr structs, by their contents. */
  readonly attributes: Map<number, Blob>;
  /** The host's /proc (O_PATH), if the process gets labels, which are written there at the end. */
  proc?: Slot;
  /** Index of each startContainer hook's operation. */
  startHooks?: readonly number[];
  /** Files that hooks inside the container write to. */
  hookOutput?: HookOutput | undefined;
  /** Sources of bind mounts that were opened before the container's root user takes over, by index in spec.mounts. */
  trees?: Map<number, Slot>;
  /** Mounts of devices that root of the host has made, by index in spec.linux.devices. */
  devices?: Map<number, Slot>;
  /** Mounts that are not attached yet, with the attributes that they get then; used without mount_setattr(2). */
  detached?: Map<Slot, { readonly set: number; readonly clear: number } | null>;
  /** tmpfs mounts that become read-only at the end. */
  readonlyAtEnd?: { readonly destination: string; readonly mounted: Slot }[];
  /** The root file system (O_PATH) that mounts on / have covered. */
  covered?: Slot;
  /** The root is a tmpfs that contains only what this program has made. */
  fresh?: boolean;
  /** The tmpfs of scratch.ts, and the number of overlay upper directories in it. */
  scratch?: Slot;
  overlays: number;
  /** Whether the root is already a mount. */
  ownRoot?: boolean;
  /**
   * The number of mounts that stay on the root of the mount namespace when the container's
   * root is taken from there.
   */
  overRoot: number;
  /** Whether processes of other containers must not be able to look into this one before execve: {@link hide}. */
  hidden?: boolean;
  /** The user is known only when the program runs from a cached plan: `exec --user`. */
  anyUser?: boolean;
}

/** A context at the beginning of a program. */
export function initContext<Config extends ProcessConfig>(
  config: Config,
  b: ProgramBuilder,
): InitContext<Config> {
  return {
    config,
    b,
    root: b.slot(),
    fifo: null,
    hows: new Map(),
    attributes: new Map(),
    overlays: 0,
    overRoot: 0,
  };
}

/** The context for parts that also serve `exec`. */
export type ProcessContext = InitContext<ProcessConfig>;

/**
 * Makes the process undumpable until execve (CVE-2016-9962). Otherwise processes in joined namespaces could look
 * into it or trace it. {@link hideAgain} repeats this after each change of ids or user namespace.
 */
export function hide(x: ProcessContext): void {
  x.hidden = true;
  hideAgain(x);
}

/** With fs.suid_dumpable=1 a change of ids makes a process dumpable. */
export function hideAgain(x: ProcessContext): void {
  if (x.hidden) x.b.sys("prctl", [PR.SET_DUMPABLE, 0, 0, 0, 0]);
}

const RESOLVE_LIMIT = 64;

/** Stores a how for openat2(2); equal ones are stored once. */
export function openHow(x: ProcessContext, flags: number, resolve: number): Blob {
  const key = flags * RESOLVE_LIMIT + resolve;
  const known = x.hows.get(key);
  if (known !== undefined) return known;
  const how = new Uint32Array([flags | O.CLOEXEC, 0, 0, 0, resolve, 0]);
  const blob = x.b.bytes(
    new Uint8Array(how.buffer),
    () => `{flags=0${flags.toString(8)}, resolve=${resolve}}`,
  );
  x.hows.set(key, blob);
  return blob;
}

/** Size of struct open_how. */
export const OPEN_HOW_SIZE = 24;

/** The resolve flag for paths below the root: they cannot leave it. */
export const IN_ROOT = RESOLVE.IN_ROOT;

const ATTR_LIMIT = 0x400000;

/** Stores a struct mount_attr for mount_setattr(2), with attributes or a propagation; equal ones are stored once. */
export function mountAttr(x: InitContext, set: number, clear: number, propagation = 0): Blob {
  const key = propagation === 0 ? set * ATTR_LIMIT + clear : -propagation;
  const known = x.attributes.get(key);
  if (known !== undefined) return known;
  const attr = new Uint32Array([set, 0, clear, 0, propagation, 0, 0, 0]);
  const blob = x.b.bytes(
    new Uint8Array(attr.buffer),
    () => `{set=${attrNames(set)}, clear=${attrNames(clear)}}`,
  );
  x.attributes.set(key, blob);
  return blob;
}

/** Size of struct mount_attr. */
export const MOUNT_ATTR_SIZE = 32;

function attrNames(bits: number): string {
  const names = Object.entries(members("MOUNT_ATTR"))
    .filter(([name, bit]) => name !== "ATIME" && bit !== 0 && (bits & bit) === bit)
    .map(([name]) => name);
  return names.length === 0 ? "0" : names.join("|");
}
