/**
 * The numbers that TypeScript and C exchange: this and file-abi.ts are the only places where they are defined, and structs.ts
 * that of the structs that they stand in. nsenter/abi.ts makes the C header of all, nsenter/build/abi.h, with an assertion for each offset:
 * `Spawn.execFd` is SPAWN_EXEC_FD there, and `superviseRequest` is struct supervise_request. Integers are little-endian.
 *
 * Data alone, and no imports. The members of an enum are numbers in the bundle.
 */

// ---- Programs: header | ops | relocations | blob ----------------------------------------------------------------------

export const PROGRAM_MAGIC = 0x6e757262; // "brun"
/** Bytes of a program, at most. */
export const PROGRAM_MAX = 64 << 20;
/** Slots of a stage; processes seldom have more descriptors. */
export const PROGRAM_SLOTS = 1024;
/** In the place of a slot's number: none. */
export const NO_SLOT = 0xffff;
/** In the place of an errno: all of them. */
export const ANY_ERRNO = 255;
/** Set in the target of a relocation that counts from the beginning of the blob, and not from that of its strings. */
export const RELOCATE_BLOB = 0x80000000;

/** Kinds of operations, with their arguments. */
export enum OpKind {
  /** nr(args…) */
  syscall,
  /** Type of the message, fd or -1, type of the awaited answer or 0, fd in place of the socket or 0. */
  send,
  /** Clone flags, cgroup fd or -1: the child goes on, the parent reports it and ends. */
  clone,
  /** Pointer, width, mask, expected value, errno if it differs. */
  check,
  /** Pointer, value, width in bytes, or 0: as decimal text with a NUL. */
  poke,
  /** `spawnRequest`, stdin fd or -1, time-out in ms or -1. */
  spawn,
  /** nr(args…) for each bit of args[0], with args[args[1] & 7] being its number: see {@link BITS_INVERTED}. */
  bits,
  /** Root fd, relative path, resolve flags, 1 for a file: opens, making what is missing. */
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
  /** Fd, pointer, size or {@link WHOLE_TEXT}: writes all of it, also to what has to be waited for. */
  write,
}
export const OP_KINDS = OpKind.write + 1;

/** Of OpKind.write, in the place of a size: a string up to its end. */
export const WHOLE_TEXT = 0xffffffff;
/** Of OpKind.bits, in args[1]: for each bit that is not set. */
export const BITS_INVERTED = 8;
export const MODE_DIGITS = 4;
export const HOME_SIZE = 1024;

/** What OpKind.copy copies of a directory. */
export enum Copy {
  mode,
  contents,
  file,
}

/** What an argument of an operation is. All but the first are references. */
export enum ArgType {
  immediate,
  /** Offset in the blob: becomes a pointer. */
  blob,
  /** Number of a slot: becomes its value. */
  slot,
  /** Offset among the blob's strings: becomes a pointer. */
  string,
}

// ---- Messages over the SOCK_SEQPACKET socketpair of brun and the stage -------------------------------------------------

export const MESSAGE_VERSION = 1;
/** Bytes of a packet that carries a part of a program, at most. */
export const PACKET_MAX = 32768;

/** Types of messages. The stage knows the first three; the others only pass through programs. */
export enum Message {
  /** To the stage: a program follows, in packets of its own. */
  program = 1,
  /** The container's process exists: its pid, with its pidfd. */
  pid,
  /** An operation failed: `failure`, with what a hook has written to stderr. */
  error,
  /** The process is in its new user namespace and waits for the id maps. */
  map,
  /** Mounts are done, the old root is still there: time for prestart and createRuntime hooks, and for the last program. */
  hooks,
  /** To the stage: go on. */
  resume,
  /** The pty master comes with it. */
  console,
  /** The seccomp notification descriptor comes with it. */
  seccomp,
  /** All that can fail has been done. */
  ready,
  /** To the stage: execute the container's process. */
  run,
  /** A netlink socket of the container's network namespace comes with it: time to move devices there. */
  network,
  /** A detached mount comes with it, whose ids only the caller may map. */
  idmap,
  /** A detached mount of a device that has been made comes with it. */
  device,
  /** The namespace that tells the container's processes comes with it (src/container/state/own-namespace.ts). */
  namespace,
  /** A socket of the container's network namespace comes with it (src/net/inside.ts). */
  socket,
}

// ---- Starting a program, and supervising one ---------------------------------------------------------------------------

/** Flags of `spawnRequest`. */
export enum Spawn {
  /** The child leads a process group of its own. */
  setpgrp = 1,
  /** Execute the file behind execFd; path is only argv's. */
  execFd = 2,
  /** The child leads a session of its own. */
  setsid = 4,
  /** Return at once: the request and all that it points to live until the child has executed. */
  goOn = 8,
  /** The child is killed when the thread that starts it ends. */
  dieToo = 16,
}

export const SUPERVISE_MAGIC = 0x72757362; // "bsur"

/** Flags of `superviseRequest`. */
export enum Supervise {
  /** The process is an init (nsenter/stage/init.h), whose program can be stopped. */
  init = 1,
  /** The clean-up program runs only when the client has gone. */
  stays = 2,
  /** It dies of the signal that came to it and ended the program. */
  raises = 4,
}

/** Which signals are caught: nsenter/stage/early.h. */
export enum Catch {
  deadly,
  all,
  attached,
}

/** First byte of what `attach` sends to the supervisor; the whole message has no more than {@link RELAY_SIZE} bytes. */
export enum Attach {
  /** "d": bytes that have been typed. */
  typed = 0x64,
  /** "w": struct winsize of the terminal. */
  size = 0x77,
  /** "e": nothing more will be typed. */
  end = 0x65,
}
/** PIPE_BUF: what a pipe that polls writable takes without blocking. */
export const RELAY_SIZE = 4096;

// ---- The front ---------------------------------------------------------------------------------------------------------

/** Functions that brun calls in the front, in the order of its section .calls: nsenter/front/calls.c. */
export enum FrontCall {
  syscall,
  spawn,
  catchSignals,
  ask,
  run,
}

/** What brun asks the front: nsenter/front/handover.h. */
export enum FrontFact {
  /** Descriptor of the stage's memfd, made when there is none; or -errno. */
  image,
  /** Socket of a stage that has been started, -1 without one. */
  socket,
  /** Pid of that stage. */
  pid,
  /** -errno of its execve, if that has failed; else 0. */
  error,
  /** Number of this build of brun, see `behind`. */
  build,
  /** Address of the first of the strings of argv and envp in bytes, each with its NUL: Bun has made text of them. */
  strings,
  /** Of all of them, in bytes. */
  size,
  /** argc */
  words,
  /** Soft limit of open files with which brun was called. */
  openFiles,
  /** Operation at which a plan has failed that is not to be run once more, but to be explained; or -1. */
  leftOp,
  leftErrno,
  /** Descriptor that it has kept for that, or -1. */
  leftKept,
  /** The container's directory, locked. */
  leftDirectory,
  /** {@link FallBack} */
  fallBack,
  /** Errno of that, or 0. */
  fallBackErrno,
  /** Of a plan that has failed: the part of the file, or -1, and the operation. */
  fallBackPart,
  fallBackOp,
}

/** Why the front has left a command to Bun. */
export enum FallBack {
  /** BRUN_FRONT=off. */
  off,
  /** A command, a flag, an argument or a variable that is not for the front. */
  commandLine,
  /** There is no plan. */
  noPlan,
  /** There is a file of plans, but of another brun or owner, or of a container, config or host that has changed since. */
  otherPlan,
  /** The command takes more than a plan. */
  morePlan,
  /** A plan would have done it, but --debug or BRUN_TIMING is to show how Bun does. */
  observed,
  /** The log file cannot be opened. */
  log,
  /** The plan has not come to its end. */
  failed,
}

/** Functions of libc that the module for an engine without a JIT returns: nsenter/door/door.c. */
export enum LibcFunction {
  dlopen,
  dlsym,
  dlerror,
}
export const LIBC_FUNCTIONS = LibcFunction.dlerror + 1;

/** Program headers that `behind` has room for. */
export const SEGMENTS_MAX = 16;

/** NAME_MAX: no directory can have a longer name. Longer ids are not for the front. */
export const ID_MAX = 255;

/** Exit code of an exec that failed before its program ran, as runc's: it is not taken for the program's own. */
export const EXEC_FAILED = 255;

/** Mode of a container's directory, and of the state directory. */
export const DIRECTORY_MODE = 0o711;
/** Files in a container's directory: what `state` and `list` show, and what it is called while it is written. */
export const STATE_FILE = "state.json";
export const STATE_FILE_NEW = "state.json.new";
/** What `exec` needs besides. */
export const EXEC_FILE = "exec.json";
export const FILTER_FILE = "seccomp.bpf";
/** It is there while the container waits for `start`. */
export const FIFO_FILE = "exec.fifo";
/** Plans of later commands. */
export const PLANS_FILE = "plans";
/** Where cached plans are, in the state directory: "@" is not for ids. */
export const CACHED_DIRECTORY = "@run";

/** State directory of the host's root. */
export const SYSTEM_ROOT = "/run/brun";
/** Its name in $XDG_RUNTIME_DIR, and its mode there: the sticky bit keeps it from being tidied away. */
export const RUNTIME_ROOT_NAME = "brun";
export const RUNTIME_ROOT_MODE = 0o1700;
/** What it begins with in a directory that all users share, before the uid, and its mode there. */
export const SHARED_ROOT_NAME = "brun-";
export const SHARED_ROOT_MODE = 0o700;

/** The first user namespace has the same inode number on every kernel since 3.8 (PROC_USER_INIT_INO). */
export const FIRST_USER_NAMESPACE = "user:[4026531837]";
/** What the kernel prints for its maps: three columns of ten characters (kernel/user_namespace.c). */
export const FIRST_ID_MAP = "         0          0 4294967295\n";

/** Tries of openat2(2) that end with EAGAIN: something was renamed or mounted while a ".." was followed. */
export const RESOLVE_TRIES = 128;
