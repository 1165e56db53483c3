/**
 * The structs that TypeScript writes and C reads, or the reverse. Like the numbers of abi.ts and file-abi.ts, they
 * are defined only here. Fields are in order; `["u8", 4]` is an array of four, and a struct's name is a type, too.
 * layout.ts computes the offsets.
 */
import { SEGMENTS_MAX } from "./abi.ts";
import { PARTS } from "./file-abi.ts";

export const structs = {
  programHeader: {
    magic: "u32",
    ops: "u32",
    relocations: "u32",
    /** The size of the blob in bytes. */
    blob: "u32",
    /** Offset of the first string in the blob. */
    strings: "u32",
    /** Index of the first operation that must not run twice. */
    once: "u32",
  },
  op: {
    /** An {@link OpKind}. */
    kind: "u16",
    /** The number of the system call, for OpKind.syscall and OpKind.bits. */
    nr: "u16",
    /** The {@link ArgType} of each argument, two bits each. */
    types: "u16",
    /** The slot for the result, or NO_SLOT. */
    out: "u16",
    /** Errnos that are no failure. 0 stands for none, ANY_ERRNO for all. */
    handled: ["u8", 4],
    /** The operation to go on with after such an errno. Jumps go only forward, so every program ends. */
    onHandled: "u32",
    /** The operation to go on with otherwise. */
    onSuccess: "u32",
    /** Slots whose descriptors are closed after success, or NO_SLOT. */
    closes: ["u16", 2],
    args: ["u64", 6],
  },
  relocation: {
    /** Offset in the blob of an 8-byte word that becomes a pointer. */
    at: "u32",
    /** Its target: an offset among the strings, or with RELOCATE_BLOB in the whole blob. */
    target: "u32",
  },
  failure: {
    op: "u32",
    /** Positive errno. */
    error: "i32",
    /** For OpKind.spawn: the wait status of a failed hook. */
    detail: "i64",
    /** The number of programs that ran before it in this stage. */
    program: "u64",
  },
  messageHeader: {
    version: "u16",
    /** A {@link Message}. */
    type: "u16",
    /** The size of the payload. The program of Message.program comes in separate packets. */
    length: "u32",
  },
  spawnRequest: {
    /** const char *: the executable, which is not searched in PATH. */
    path: "u64",
    /** char *const *, ended by NULL. */
    argv: "u64",
    envp: "u64",
    /** const char *, or 0 for the caller's. */
    cwd: "u64",
    /** Descriptors that become 0, 1, 2 of the child; -1 for the caller's own. */
    stdio: ["i32", 3],
    /** A close-on-exec descriptor that stays open over execve; -1 for none. */
    keepFd: "i32",
    /** See {@link Spawn.execFd}. */
    execFd: "i32",
    /** Flags: {@link Spawn}. */
    flags: "u32",
    /** Output: a close-on-exec pidfd of the child; -1 before Linux 5.2. */
    pidfd: "i32",
    /** Output: -errno of the child's failed step, or 0. */
    error: "i32",
  },
  /**
   * Request to keep the output of a detached container: nsenter/stage/keep.h. Descriptors
   * that do not exist are -1.
   */
  keepRequest: {
    /** The container's stdout, or the master of its pty. */
    out: "i32",
    /** The container's stderr. */
    err: "i32",
    /** The container's stdin, or the master of its pty. */
    input: "i32",
    /** Datagram socket that `attach` clients use. */
    control: "i32",
    /** The directory of the log. */
    directory: "i32",
    /** The file for the exit code. The supervisor keeps it locked. */
    result: "i32",
    /** The maximum size in bytes of each of the log's two files. */
    limit: "u32",
  },
  /**
   * Request to supervise a process, in a memfd and followed by the clean-up program. Descriptors
   * that do not exist are -1.
   */
  superviseRequest: {
    magic: "u32",
    /** The container's process, a child of the supervisor. */
    pid: "i32",
    /** The pidfd of that process. */
    pidfd: "i32",
    /** Pty master, or -1: the container has the supervisor's own stdio. */
    terminal: "i32",
    /** The supervisor's own terminal, whose size and mode matter. */
    host: "i32",
    /** Socket that the container sends sd_notify messages to. */
    notify: "i32",
    /** Socket connected to the supervisor's own NOTIFY_SOCKET. */
    upstream: "i32",
    /** A pipe with signals that came before the supervisor was there, one byte each: nsenter/stage/early.h. */
    early: "i32",
    /** The size of the clean-up program, or 0. */
    program: "u32",
    /** The time in milliseconds after which the process is killed, or 0. */
    timeout: "u32",
    /** Flags: {@link Supervise}. */
    flags: "u32",
    keep: "keepRequest",
    /** A socket: the process is killed when its other end is closed. */
    client: "i32",
    /** The container's directory, for the clean-up program. */
    directory: "i32",
  },
  elfSegment: {
    type: "u32",
    flags: "u32",
    offset: "u64",
    vaddr: "u64",
    paddr: "u64",
    filesz: "u64",
    memsz: "u64",
    align: "u64",
  },
  /** The entry point and program headers of Bun, which scripts/front.ts writes into the front. */
  behind: {
    entry: "u64",
    segmentCount: "u32",
    /** The build number of this brun. Files that another build has written for itself are ignored. */
    build: "u32",
    segments: ["elfSegment", SEGMENTS_MAX],
  },
  /** A part of a file; its offset is a multiple of 8. */
  part: { offset: "u32", size: "u32" },
  planHeader: {
    magic: "u32",
    /** The build number of the brun that wrote it: see `behind`. */
    build: "u32",
    /** The size of the file. */
    size: "u32",
    /** xxHash32 of everything after this field. */
    checksum: "u32",
    parts: ["part", PARTS],
  },
  /** A reference to a string that is replaced, or a number that is replaced. */
  hole: {
    /** A {@link Hole}. */
    kind: "u16",
    /** The index of a word in a list, or WHOLE_LIST, or AS_NUMBER. */
    index: "u16",
    /**
     * Offset in the file of the 4 bytes of the reference: an argument of an operation, or a relocation's target.
     * For a number the offset of its 8 bytes.
     */
    at: "u32",
  },
  /** A question with its answer. */
  input: {
    /** An {@link InputKind}. */
    kind: "u32",
    detail: "u32",
    /** The subject; size 0 for none. */
    about: "part",
    answer: "part",
  },
  /** The answer of InputKind.stamp: fields of statx(2). The owner is an id of the caller's user namespace. */
  stamp: {
    inode: "u64",
    size: "u64",
    changed: "i64",
    modified: "i64",
    changedNanoseconds: "u32",
    modifiedNanoseconds: "u32",
    deviceMajor: "u32",
    deviceMinor: "u32",
    uid: "u32",
    gid: "u32",
    mode: "u32",
    reserved: "u32",
  },
  /** How a container without a bundle runs. */
  manner: {
    /** Flags: {@link Manner}. */
    flags: "u32",
    /** Flags: {@link Supervise}. */
    supervise: "u32",
    /** The time-out in milliseconds; 0 for none. */
    timeout: "u32",
    /** The maximum size in bytes of each of the log's two files. */
    limit: "u32",
  },
  /** Answer of InputKind.status. */
  status: { mode: "u32", uid: "u32", gid: "u32", deviceMajor: "u32", deviceMinor: "u32" },
  /** Answer of InputKind.identity. */
  identity: { inode: "u64", deviceMajor: "u32", deviceMinor: "u32" },
  /** The answer of InputKind.shared: whether an entry has another owner than this user and group. */
  shared: { uid: "u32", gid: "u32", found: "u32" },
} as const;
