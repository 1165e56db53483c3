/**
 * Numbers of the files that hold plans: ROOT/ID/plans, of later commands on a container, and ROOT/@run/NN, of a `run`, for
 * the next one of the same bundle or with the same flags. Both have one format: see abi.ts, which says what becomes of them in C.
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
  /** `manner`; none: as a run of a bundle. */
  manner,
  /** The container's id, or how it begins: {@link Manner.madeUp}; none: the command line has it. */
  name,
  /** Words that go before those of the command line, each with a NUL: --entrypoint, or an image's. */
  entrypoint,
  /** Variables of the program's environment that are not the caller's plain ones: NAME=value, each with a NUL. */
  variables,
  /** Path of the directory that the log's directory is in, of a container whose output is kept: {@link Manner.background}. */
  logs,
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
  /** They as a JSON list. */
  argumentList,
  /** A list: the environment of the program. */
  environment,
  /** It as a JSON list. */
  environmentList,
  /** HOSTNAME=id */
  hostVariable,
  /** Path of the directory of the container's log. */
  log,
}
export const HOLES = Hole.log + 1;

/** Flags of how a container without a bundle is run. */
export enum Manner {
  /** The name is made up: {@link NAME_DIGITS} digits follow. */
  madeUp = 1,
  /** stdin is /dev/null. */
  emptyStdin = 2,
  /** The environment is a hole. */
  environment = 4,
  /** A process in the background keeps the output, and is the supervisor. */
  background = 8,
  /** Of such a container: its stdin is kept open. */
  interactive = 16,
  /** It has a terminal. */
  terminal = 32,
  /** The container is not removed when it has ended. */
  stays = 64,
}
/** Hexadecimal digits that names end with that are made up. */
export const NAME_DIGITS = 6;
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
  /** Out, of {@link Part.make} where output is kept: directory of the log, file for the exit code, socket of those who attach. */
  log,
  exit,
  attach,
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
  /** `status` of a path; detail as for `stamp`. */
  status,
  /** `identity` of what a path leads to. */
  identity,
  /** `shared`: whether others own some of the first {@link SHARED_SAMPLE} entries of a directory. */
  shared,
  /** About a directory and patterns: the names in it that one of them stands for, or no answer. All of these have a NUL. */
  names,
  /** About a directory and a path: what a regular file below it holds, or no answer. */
  fileInRoot,
  /** About the same: 1 where there is something, otherwise 0. */
  existsInRoot,
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
  /** Detail: a descriptor. Whether it is a terminal. */
  tty,
  /** Whether stdin is a terminal that this process is in the background of. */
  background,
  /** Variables of the environment that are not plain (src/host/plain-variables.ts): NAME=value, each with a NUL. */
  environment,
  /** The umask. */
  mask,
}
/** Of so many entries of a directory the owners are looked at: the first that the kernel tells. */
export const SHARED_SAMPLE = 100;
/** The most that is read of a file below a root file system. */
export const ROOT_TEXT_MAX = 16 << 20;
export const CALL_ARGUMENTS = 5;
/** In the place of an answer's offset: there is none. */
export const NO_ANSWER = 0xffffffff;
