/**
 * Numbers of the files that hold plans: ROOT/ID/plans, of later commands on a container, and ROOT/@run/NN, of a `run`, for
 * the next one of the same bundle. Both have one format: see abi.ts, which says what becomes of them in C.
 */

export const PLAN_MAGIC = 0x6e616c70; // "plan"
/** Bytes of a file, at most. */
export const PLAN_MAX = 4 << 20;
/** As many plans of runs there can be: NN is a hash of the bundle's path. */
export const CACHED_SLOTS = 64;
/** Arguments of newuidmap and newgidmap after the pid, and their path, at most. */
export const HELPER_WORDS_MAX = 64;
/** Parts of a file, in its order; what it has not is of size 0. Programs that the front runs itself get {@link LocalSlot}. */
export enum Part {
  /** What it is for, a NUL after each text: a container's id; or a bundle's path, and a flag that was given. */
  key,
  /** Path and arguments after the pid, each with a NUL; none: the process maps its own id. */
  newuidmap,
  newgidmap,
  /** Lines for stderr. */
  warnings,
  /** Programs of `run` for the stage. */
  enter,
  build,
  finish,
  /** In the front: makes the container's directory, with all that is known before its process is there. */
  make,
  /** In the front: writes state.json. */
  save,
  /** The supervisor's, and the front's when it has failed. */
  cleanup,
  /** Later commands, in the front. */
  state,
  start,
  kill,
  delete,
  forcedDelete,
  execGuard,
  /** For the stage. */
  exec,
  /** Of `input`, after what these point to. */
  guard,
  /** Of `hole`. */
  holes,
}
export const PARTS = Part.holes + 1;

/** Strings of programs, and lists of them, that others take the place of: nsenter/front/holes.h. */
export enum Hole {
  /** Of the container. */
  id,
  /** Path of the container's directory. */
  directory,
  /** RFC 3339 with nanoseconds. */
  created,
  pid,
  startTime,
  /** A list: the words of the program and its arguments. */
  argument,
}
export const HOLES = Hole.argument + 1;
/** In the place of a word's number: the reference is to all of a list, an array that ends with a null pointer. */
export const WHOLE_LIST = 0xffff;

/** Slots of programs that run in brun's own process, which whoever runs them fills in; and the first one of a clean-up. */
export enum LocalSlot {
  /** The container's directory. */
  directory,
  /** The signal of kill. */
  signal,
  /** A descriptor that is readable when brun is to end, or -1. */
  interrupts,
  /** Out: a descriptor for who explains a failure. */
  kept,
}

/** Kinds of questions that a guard asks again: src/host/ask.ts, nsenter/front/guard.c. */
export enum InputKind {
  /** What a regular file holds. */
  file,
  /** Which file it is, and that it has not been changed: `stamp`. Detail 1: of a symbolic link itself. */
  stamp,
  /** S_IFMT of a path's mode, or -errno; detail as before. */
  type,
  /** Target of a symbolic link. */
  link,
  /** Detail: right of access(2) to a path. 0 or -errno. */
  access,
  /** f_type and f_flags of statfs(2), 0 where it fails. */
  fileSystem,
  /** A variable of the environment; these and those before are about a text with a NUL. */
  variable,
  /** Result of a system call: about its number and {@link CALL_ARGUMENTS} arguments, 8 bytes each. */
  call,
  /** The effective capabilities. */
  capabilities,
  /** Detail: a resource. Its hard limit. */
  limit,
  /** Which of 0, 1 and 2 may be given to the container's user, a bit each. */
  stdio,
  /** Whether one of them is a terminal. */
  terminal,
}
export const CALL_ARGUMENTS = 5;
/** In the place of an answer's offset: there is none. */
export const NO_ANSWER = 0xffffffff;
