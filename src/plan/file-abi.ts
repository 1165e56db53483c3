/**
 * Numbers of the files with plans. ROOT/ID/plans has the plans of later commands on a container. ROOT/@run/NUMBER
 * has those of a `run`, for the next one of the same bundle or with the same flags, and ROOT/@run/list those of `list`.
 * They have the same format. abi.ts says how these numbers get into C.
 */

export const PLAN_MAGIC = 0x6e616c70; // "plan"
/** The maximum size of a file in bytes. */
export const PLAN_MAX = 4 << 20;
/** The maximum number of cached runs. */
export const CACHED_MAX = 64;
/** The maximum number of arguments of newuidmap and newgidmap after the pid, with their paths. */
export const HELPER_WORDS_MAX = 64;
/**
 * Parts of a file, in its order. A missing part has size 0. The programs that the front itself
 * runs get {@link LocalSlot}.
 */
export enum Part {
  /** The key, a NUL after each text: a container's id; or a bundle's path, and a flag that was given. */
  key,
  /**
   * The path of the helper and its arguments after the pid, each with a NUL. If empty, the
   * process maps its own id.
   */
  newuidmap,
  newgidmap,
  /** Lines for stderr. */
  warnings,
  /** A `manner`. If empty, it is the run of a bundle. */
  manner,
  /** The container's id, or its beginning: {@link Manner.madeUp}. If empty, the command line has the id. */
  name,
  /** Words before those of the command line, each with a NUL: from --entrypoint, or from an image. */
  entrypoint,
  /** Variables of the program's environment besides the caller's plain ones: NAME=value, each with a NUL. */
  variables,
  /**
   * If the output is kept ({@link Manner.background}): the path of the directory that
   * contains the log's directory.
   */
  logs,
  /** Programs of `run` for the stage. */
  enter,
  build,
  finish,
  /** Run by the front: makes the container's directory, and files that do not depend on its process. */
  make,
  /** Run by the front while the process makes its mounts: writes state.json under another name. */
  save,
  /**
   * Run by the front when the stage waits for the hooks of the runtime namespace, after `save`. If empty, there are no
   * hooks, and the stage does not wait.
   */
  hooks,
  /** Run by the front when all that can fail has been done: renames it. */
  publish,
  /** Run by the supervisor, or by the front after a failure. */
  cleanup,
  /**
   * If the container is detached: a file with the plans of later commands. It has holes, which the front
   * fills in for its container.
   */
  later,
  /** Later commands, run by the front. */
  state,
  start,
  kill,
  delete,
  forcedDelete,
  execGuard,
  /** Run by the stage. */
  exec,
  /** The same with a terminal. */
  execTerminal,
  /**
   * The process that `exec` and `execTerminal` are compiled for, without args, env, cwd and terminal: texts of JSON,
   * each with a NUL. The file of `exec --process` has to have one of them.
   */
  process,
  /** Of `list`, run by the front for each container: reads state.json ({@link ReadSlot}). */
  listRead,
  /** Looks at the container's process ({@link LookSlot}). */
  listLook,
  /** Words of the table, each with a NUL: {@link ListWord}. */
  listWords,
  /** A list of `input`, followed by the data that they point to. */
  guard,
  /** A list of `hole`. */
  holes,
}
export const PARTS = Part.holes + 1;

/** Strings and lists of strings in programs that are replaced in each run: nsenter/front/holes.h. */
export enum Hole {
  /** The container's id. */
  id,
  /** Path of the container's directory. */
  directory,
  /** The time of creation, in RFC 3339 with nanoseconds. */
  created,
  pid,
  startTime,
  /** A list: the program and its arguments. */
  argument,
  /** The same as a JSON list. */
  argumentList,
  /** A list: the environment of the program. */
  environment,
  /** The same as a JSON list. */
  environmentList,
  /** The variable HOSTNAME=id. */
  hostVariable,
  /** Path of the directory of the container's log. */
  log,
  /**
   * The working directory, of exec and of a `run` that the current directory decides nothing about. A second text
   * is the same without the slash at its beginning.
   */
  cwd,
  /** The directories in which exec looks for the program. */
  path,
  /** The variable for the home directory that passwd(5) has: {@link HOME_PLACE} in an environment refers to it. */
  home,
  /** The same as JSON. */
  cwdText,
  /** Ids of the user of `exec`, as numbers. */
  uid,
  gid,
  /** A text of the program itself, in which each character {@link HOLE_MARK} + kind stands for another hole. */
  text,
}
export const HOLES = Hole.text + 1;
/** The first of these characters. JSON escapes them, and has none of them between its values. */
export const HOLE_MARK = 14;
/** In an environment: becomes HOME as the container's passwd(5) has it. */
export const HOME_PLACE = "HOME=";
/** Where a program is looked for without PATH. */
export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Flags of a `run`, mostly without a bundle. */
export enum Manner {
  /** The id is generated: it ends with {@link NAME_DIGITS} random digits. */
  madeUp = 1,
  /** stdin is /dev/null. */
  emptyStdin = 2,
  /** The environment is a hole. */
  environment = 4,
  /** A process in the background keeps the output, and is the supervisor. */
  background = 8,
  /** The stdin of such a container stays open. */
  interactive = 16,
  /** The container has a terminal. */
  terminal = 32,
  /** The container is not removed at its end. */
  stays = 64,
  /** brun ends when the program runs: `run --detach` of a bundle. */
  leaves = 128,
}
/** The number of hexadecimal digits at the end of generated names. */
export const NAME_DIGITS = 6;
/** In place of a word's index: the reference is to the whole list, an array that ends with a null pointer. */
export const WHOLE_LIST = 0xffff;
/** In the same place: the hole is a number of 8 bytes. */
export const AS_NUMBER = 0xfffe;

/**
 * Slots of programs that run in brun's own process. They are filled in before; a clean-up
 * program gets only the first.
 */
export enum LocalSlot {
  /** The container's directory. */
  directory,
  /** The signal that `kill` sends. */
  signal,
  /** A descriptor that becomes readable when a signal asks brun to end, or -1. */
  interrupts,
  /** Output: a descriptor that is needed to explain a failure. */
  kept,
  /**
   * Output of {@link Part.make} if the container's output is kept: the directory of the log, the file for the exit
   * code, the socket for `attach` clients.
   */
  log,
  exit,
  attach,
}

/** Slots of {@link Part.listRead} behind {@link LocalSlot.kept}. */
export enum ReadSlot {
  /** The path of state.json, relative to the state directory. */
  file = 4,
  /** The address of {@link STATE_ROOM} bytes for it. */
  to,
  /** Output: the length of what was read, or -1. */
  length,
}
/** The number of bytes that are read of a state.json. Most have a quarter of that. */
export const STATE_ROOM = 2048;

/** Slots of {@link Part.listLook} behind {@link LocalSlot.kept}. */
export enum LookSlot {
  pid = 4,
  startTime,
  /** The path of the file that tells whether its cgroup is frozen, or an empty text. */
  freezer,
  /** The path of exec.fifo, relative to the state directory. */
  fifo,
}

/** The words of {@link Part.listWords}, in their order. */
export enum ListWord {
  /** The first of the titles, one for each column. */
  titles,
  created = titles + 6,
  running,
  paused,
  stopped,
  /** The caller's name. */
  owner,
}
export const LIST_WORDS = ListWord.owner + 1;
/** The minimum width of a column of a table, and the blanks after its widest cell. */
export const COLUMN_MIN = 12;
export const COLUMN_GAP = 3;
/** Name of the file with the plan of `list`, beside the cached runs. */
export const LIST_FILE = "list";

/** Kinds of questions that a guard asks again: src/host/ask.ts, nsenter/front/guard.c. */
export enum InputKind {
  /** The bytes of a regular file. */
  file,
  /**
   * A `stamp`, which tells whether the file at a path is still the same and unchanged. Detail 1:
   * of a symbolic link itself.
   */
  stamp,
  /** S_IFMT of a path's mode, or -errno. Detail as for `stamp`. */
  type,
  /** The target of a symbolic link. */
  link,
  /** 0 or -errno of access(2) to a path. Detail: the right. */
  access,
  /** The rights of access(2) to a path that the caller has, a bit each: 4 read, 2 write, 1 search. */
  rights,
  /** f_type and f_flags of statfs(2); 0 if it fails. */
  fileSystem,
  /** The `status` of a path. Detail as for `stamp`. */
  status,
  /** The `identity` of the file that a path leads to. */
  identity,
  /** `shared`: whether one of the first {@link SHARED_SAMPLE} entries of a directory has another owner. */
  shared,
  /** About a directory and patterns, each with a NUL: the names in it that match, each with a NUL, or no answer. */
  names,
  /** About a directory and a path: the bytes of a regular file below the directory, or no answer. */
  fileInRoot,
  /** About a directory and a path: 1 if the path exists below the directory, otherwise 0. */
  existsInRoot,
  /** About a directory: 1 if the current directory is that or below it, otherwise 0. Detail 1: if it is just that. */
  inside,
  /**
   * `shared` about a directory: whether all directories from there, which is not one of them, to the current one
   * have these owners and are no links.
   */
  ownWay,
  /** An environment variable. The subject of this and all earlier kinds is a text with a NUL. */
  variable,
  /** The result of a system call. The subject is its number and {@link CALL_ARGUMENTS} arguments, 8 bytes each. */
  call,
  /** The effective capabilities. */
  capabilities,
  /** The hard limit of a resource. Detail: the resource. */
  limit,
  /** Whether 0, 1 or 2 is a terminal. */
  terminal,
  /** Whether a descriptor is a terminal. Detail: the descriptor. */
  tty,
  /** Whether stdin is a terminal, and this process in the background of it. */
  background,
  /** Variables of the environment that are not plain (src/host/plain-variables.ts): NAME=value, each with a NUL. */
  environment,
  /** The umask. */
  mask,
}
/** The number of entries of a directory whose owners are looked at: the first ones that the kernel lists. */
export const SHARED_SAMPLE = 100;
/** The maximum size of a file that is read below a root file system. */
export const ROOT_TEXT_MAX = 16 << 20;
export const CALL_ARGUMENTS = 5;
/** In place of an answer's offset: there is no answer. */
export const NO_ANSWER = 0xffffffff;
