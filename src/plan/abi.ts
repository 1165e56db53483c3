/**
 * The numbers that TypeScript and C exchange. Only this file and file-abi.ts define them, and structs.ts the
 * structs that contain them. nsenter/abi.ts makes the C header nsenter/build/abi.h from all three, with an
 * assertion for each offset: `Spawn.execFd` becomes SPAWN_EXEC_FD, and `superviseRequest` becomes struct
 * supervise_request. Integers are little-endian.
 *
 * This file contains only data and has no imports. The members of an enum are numbers in the bundle.
 */

// ---- Programs: header | ops | relocations | blob ----------------------------------------------------------------------

export const PROGRAM_MAGIC = 0x6e757262; // "brun"
/** The maximum size of a program in bytes. */
export const PROGRAM_MAX = 64 << 20;
/** The number of slots of a stage; few processes have more descriptors. */
export const PROGRAM_SLOTS = 1024;
/** Stands for no slot, in place of a slot's number. */
export const NO_SLOT = 0xffff;
/** Stands for every errno, in place of an errno. */
export const ANY_ERRNO = 255;
/** Set in the target of a relocation that is relative to the beginning of the blob, not to that of its strings. */
export const RELOCATE_BLOB = 0x80000000;

/** Kinds of operations. The comments list their arguments. */
export enum OpKind {
  /** nr(args…) */
  syscall,
  /** Type of the message, fd or -1, type of the awaited answer or 0, fd that replaces the socket or 0. */
  send,
  /** Clone flags, cgroup fd or -1. The child goes on with the program; the parent reports it and ends. */
  clone,
  /** Pointer, width, mask, expected value, errno if it differs. */
  check,
  /**
   * Pointer, value, width in bytes. Width 0 stands for decimal text with a NUL, and {@link FD_WIDTH} for so many
   * characters: decimal text after leading slashes.
   */
  poke,
  /** `spawnRequest`, stdin fd or -1, time-out in ms or -1. */
  spawn,
  /**
   * nr(args…) for each bit of args[0]; args[args[1] & 7] is replaced by the bit's number.
   * See {@link BITS_INVERTED}.
   */
  bits,
  /** Root fd, relative path, resolve flags, {@link Target}. Opens the path and makes missing parts of it. */
  target,
  /** Directory fd, directory fd, {@link Copy}, name of a file: see nsenter/plan/copy.h. */
  copy,
  /** Fd of /proc/self/fd, first descriptor: see nsenter/plan/fallback.h. */
  cloexec,
  /** Mount fd, path of it, flags to set, flags to clear: see nsenter/plan/fallback.h. */
  remount,
  /** Pid, start time: see nsenter/plan/alive.h. */
  alive,
  /** File, PATH: see nsenter/plan/search.h. */
  find,
  /** File, PATH, argv, envp: see nsenter/plan/search.h. */
  execute,
  /** Pointer to {@link MODE_DIGITS} bytes, fd: see nsenter/plan/copy.h. */
  mode,
  /** Pointer to {@link HOME_SIZE} bytes, uid, path: see nsenter/plan/passwd.h. */
  home,
  /** See nsenter/stage/init.h. */
  init,
  /** Fd, pointer, size or {@link WHOLE_TEXT}. Writes everything, and waits if the fd would block. */
  write,
}
export const OP_KINDS = OpKind.write + 1;

/** In place of the size of OpKind.write: a string up to its NUL. */
export const WHOLE_TEXT = 0xffffffff;
/** A width of OpKind.poke: the number of characters in a path that a descriptor's number replaces. */
export const FD_WIDTH = 10;
/** In args[1] of OpKind.bits: the bits that are not set count. */
export const BITS_INVERTED = 8;
export const MODE_DIGITS = 4;
export const HOME_SIZE = 1024;

/** Flags in args[3] of OpKind.target. */
export enum Target {
  /** Make a file, not a directory. */
  file = 1,
  /** The path is a single name that is most likely missing, so it is made before it is opened. */
  missing = 2,
}

/** What OpKind.copy takes from a directory. */
export enum Copy {
  mode,
  contents,
  file,
}

/** Types of an operation's argument. All but the first are references. */
export enum ArgType {
  immediate,
  /** Offset in the blob, which becomes a pointer. */
  blob,
  /** Number of a slot, which becomes the slot's value. */
  slot,
  /** Offset among the blob's strings, which becomes a pointer. */
  string,
}

// ---- Messages over the SOCK_SEQPACKET socketpair of brun and the stage -------------------------------------------------

export const MESSAGE_VERSION = 1;
/** The maximum size of a packet with a part of a program, in bytes. */
export const PACKET_MAX = 32768;

/** Types of messages. The stage itself uses only the first three; the others come from programs. */
export enum Message {
  /** To the stage: a program follows, in separate packets. */
  program = 1,
  /** The container's process exists. The message has its pid and comes with its pidfd. */
  pid,
  /** An operation failed. The payload is a `failure`; the output of a failed hook comes with it. */
  error,
  /** The process is in its new user namespace. It needs the id maps, and waits for them a little later. */
  map,
  /**
   * All mounts are made, and the old root is still there. brun runs prestart and createRuntime hooks now,
   * and sends the last program.
   */
  hooks,
  /** To the stage: continue. */
  resume,
  /** Comes with the pty master. */
  console,
  /** Comes with the seccomp notification descriptor. */
  seccomp,
  /** No later step can fail, except execve. */
  ready,
  /** To the stage: execute the container's process. */
  run,
  /** Comes with a netlink socket of the container's network namespace: brun moves devices there now. */
  network,
  /** Comes with a detached mount whose ids only the caller may map. */
  idmap,
  /** Comes with a detached mount of a device that was made. */
  device,
  /** Comes with the namespace that identifies the container's processes (src/container/state/own-namespace.ts). */
  namespace,
  /** Comes with a socket of the container's network namespace (src/net/inside.ts). */
  socket,
}

// ---- Starting a program, and supervising one ---------------------------------------------------------------------------

/** Flags of `spawnRequest`. */
export enum Spawn {
  /** The child leads a new process group. */
  setpgrp = 1,
  /** Execute the file that execFd refers to. The path is then only argv's. */
  execFd = 2,
  /** The child leads a new session. */
  setsid = 4,
  /** Return at once. The request and everything that it points to must live until the child has executed. */
  goOn = 8,
  /** The child is killed when the thread that starts it ends. */
  dieToo = 16,
}

export const SUPERVISE_MAGIC = 0x72757362; // "bsur"

/** Flags of `superviseRequest`. */
export enum Supervise {
  /** The process is an init (nsenter/stage/init.h), whose program can be stopped. */
  init = 1,
  /** The clean-up program runs only when the client is gone. */
  stays = 2,
  /** If the program ends by a signal that the supervisor received, too, the supervisor dies of it. */
  raises = 4,
}

/** Which signals are caught: nsenter/stage/early.h. */
export enum Catch {
  deadly,
  all,
  attached,
}

/** First byte of a message from `attach` to the supervisor. A message has at most {@link RELAY_SIZE} bytes. */
export enum Attach {
  /** "d": bytes that were typed. */
  typed = 0x64,
  /** "w": struct winsize of the terminal. */
  size = 0x77,
  /** "e": end of the input. */
  end = 0x65,
}
/** PIPE_BUF: the number of bytes that a pipe takes without blocking when it polls writable. */
export const RELAY_SIZE = 4096;

// ---- The front ---------------------------------------------------------------------------------------------------------

/** Functions of the front that brun calls, in the order of its section .calls: nsenter/front/calls.c. */
export enum FrontCall {
  syscall,
  spawn,
  catchSignals,
  ask,
  run,
}

/** Facts that brun asks the front for: nsenter/front/handover.h. */
export enum FrontFact {
  /** Descriptor of the stage's memfd, which is made on first use; or -errno. */
  image,
  /** Socket of a stage that the front has started; -1 without one. */
  socket,
  /** Pid of that stage. */
  pid,
  /** -errno of that stage's execve if it failed, otherwise 0. */
  error,
  /** The number of this build of brun, see `behind`. */
  build,
  /** Address of the strings of argv and envp as bytes, each with its NUL. Bun has converted them to text. */
  strings,
  /** Size of all these strings in bytes. */
  size,
  /** argc. */
  words,
  /** Soft limit of open files with which brun was called. */
  openFiles,
  /**
   * Index of the operation at which a plan failed, or -1. Bun explains that failure and
   * does not run the plan again.
   */
  leftOp,
  leftErrno,
  /** Descriptor that the failed plan has kept for the explanation, or -1. */
  leftKept,
  /** Descriptor of the container's directory, locked. */
  leftDirectory,
  /** A {@link FallBack}. */
  fallBack,
  /** The errno of the fall-back, or 0. */
  fallBackErrno,
  /** The failed part of a plan's file, or -1, and below it the failed operation. */
  fallBackPart,
  fallBackOp,
  /** 1 if the console socket has got a terminal already, otherwise 0. */
  consoleSent,
}

/** Why the front has left a command to Bun. */
export enum FallBack {
  /** BRUN_FRONT=off. */
  off,
  /** The front does not handle a command, a flag, an argument or an environment variable. */
  commandLine,
  /** There is no plan. */
  noPlan,
  /** The file of plans was written by another build or owner, or the container, config or host has changed since. */
  otherPlan,
  /** The command needs more than a plan. */
  morePlan,
  /** There is a plan, but --debug or BRUN_TIMING asks for the way without it. */
  observed,
  /** The log file cannot be opened. */
  log,
  /** The plan failed. */
  failed,
}

/** Functions of libc that the module for an engine without a JIT provides: nsenter/door/door.c. */
export enum LibcFunction {
  dlopen,
  dlsym,
  dlerror,
}
export const LIBC_FUNCTIONS = LibcFunction.dlerror + 1;

/** The number of program headers for which `behind` has room. */
export const SEGMENTS_MAX = 16;

/** NAME_MAX: no directory can have a longer name. The front does not handle longer ids. */
export const ID_MAX = 255;

/**
 * Exit code of an exec that failed before its program ran, as in runc, so that it is not
 * mistaken for the program's own.
 */
export const EXEC_FAILED = 255;

/** Mode of a container's directory, and of the state directory. */
export const DIRECTORY_MODE = 0o711;
/** The file in a container's directory with what `state` and `list` show, and its name while it is written. */
export const STATE_FILE = "state.json";
export const STATE_FILE_NEW = "state.json.new";
/** The additional file for `exec`. */
export const EXEC_FILE = "exec.json";
export const FILTER_FILE = "seccomp.bpf";
/** Exists while the container waits for `start`. */
export const FIFO_FILE = "exec.fifo";
/** The plans of later commands on the container. */
export const PLANS_FILE = "plans";
/** The directory of cached plans in the state directory. No id can begin with "@". */
export const CACHED_DIRECTORY = "@run";

/** State directory of the host's root. */
export const SYSTEM_ROOT = "/run/brun";
/** Name and mode of the state directory in $XDG_RUNTIME_DIR. The sticky bit protects it from clean-up tools. */
export const RUNTIME_ROOT_NAME = "brun";
export const RUNTIME_ROOT_MODE = 0o1700;
/** Prefix (before the uid) and mode of the state directory in a directory that all users share. */
export const SHARED_ROOT_NAME = "brun-";
export const SHARED_ROOT_MODE = 0o700;

/** The first user namespace has the same inode number on every kernel since 3.8 (PROC_USER_INIT_INO). */
export const FIRST_USER_NAMESPACE = "user:[4026531837]";
/** The text of the first user namespace's maps: three columns of ten characters (kernel/user_namespace.c). */
export const FIRST_ID_MAP = "         0          0 4294967295\n";

/** How often to repeat an openat2(2) that ends with EAGAIN, because of a rename or mount while it followed a "..". */
export const RESOLVE_TRIES = 128;
