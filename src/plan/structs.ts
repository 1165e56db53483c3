/**
 * The structs that TypeScript writes and C reads, or the other way round: as abi.ts and file-abi.ts, the only place where they are defined.
 * Fields stand in their order; `["u8", 4]` is an array of four, and a struct's name is a type, too. layout.ts says where a field is.
 */
import { SEGMENTS_MAX } from "./abi.ts";
import { PARTS } from "./file-abi.ts";

export const structs = {
  programHeader: {
    magic: "u32",
    ops: "u32",
    relocations: "u32",
    /** Bytes. */
    blob: "u32",
    /** Offset of the first string in the blob. */
    strings: "u32",
    /** Its operations from this one on are not for a second time. */
    once: "u32",
  },
  op: {
    /** {@link OpKind} */
    kind: "u16",
    /** Of OpKind.syscall and bits: number of the system call. */
    nr: "u16",
    /** {@link ArgType}, two bits an argument. */
    types: "u16",
    /** Slot that takes the result, or NO_SLOT. */
    out: "u16",
    /** Errnos that are no failure; 0: none, ANY_ERRNO: all. */
    handled: ["u8", 4],
    /** Operation to go on with after one of them; jumps only go forward, so that every program ends. */
    onHandled: "u32",
    /** Operation to go on with otherwise. */
    onSuccess: "u32",
    /** Slots whose descriptors are closed after success, or NO_SLOT. */
    closes: ["u16", 2],
    args: ["u64", 6],
  },
  relocation: {
    /** Offset in the blob of an 8-byte word that becomes a pointer… */
    at: "u32",
    /** …to this offset among the strings, or with RELOCATE_BLOB in the whole blob. */
    target: "u32",
  },
  failure: {
    op: "u32",
    /** Positive errno. */
    error: "i32",
    /** Of OpKind.spawn: wait status of a hook that failed. */
    detail: "i64",
    /** How many programs ran before it in this stage. */
    program: "u64",
  },
  messageHeader: {
    version: "u16",
    /** {@link Message} */
    type: "u16",
    /** Of the payload; that of Message.program comes in packets of its own. */
    length: "u32",
  },
  spawnRequest: {
    /** const char *: executable, no search. */
    path: "u64",
    /** char *const *: NULL ends it. */
    argv: "u64",
    envp: "u64",
    /** const char *, or 0: the caller's. */
    cwd: "u64",
    /** Becomes 0, 1, 2 of the child; -1: the caller's own. */
    stdio: ["i32", 3],
    /** Stays open over execve although close-on-exec; -1: none. */
    keepFd: "i32",
    /** See Spawn.execFd. */
    execFd: "i32",
    /** {@link Spawn} */
    flags: "u32",
    /** Out: close-on-exec pidfd of the child, -1 before Linux 5.2. */
    pidfd: "i32",
    /** Out: -errno of the child's failed step, or 0. */
    error: "i32",
  },
  /** What a detached container writes is kept: nsenter/stage/keep.h. Descriptors that do not exist are -1. */
  keepRequest: {
    /** What the container writes to stdout, or its pty's master. */
    out: "i32",
    /** To stderr. */
    err: "i32",
    /** Where it reads from, or its pty's master. */
    input: "i32",
    /** Datagram socket of those who are attached. */
    control: "i32",
    /** Of the log. */
    directory: "i32",
    /** File for the exit code, locked as long as the supervisor lives. */
    result: "i32",
    /** Bytes of each of the log's two files. */
    limit: "u32",
  },
  /** Written into a memfd; the clean-up program follows it. Descriptors that do not exist are -1. */
  superviseRequest: {
    magic: "u32",
    /** The container's process, a child of the supervisor. */
    pid: "i32",
    /** Of it. */
    pidfd: "i32",
    /** Pty master, or -1: the container has the supervisor's own stdio. */
    terminal: "i32",
    /** The supervisor's own terminal, whose size and mode matter. */
    host: "i32",
    /** Socket that the container sends sd_notify messages to. */
    notify: "i32",
    /** Socket connected to the supervisor's own NOTIFY_SOCKET. */
    upstream: "i32",
    /** Pipe with signals that came too early, one byte each: nsenter/stage/early.h. */
    early: "i32",
    /** Size of the program to run when the process has ended, or 0. */
    program: "u32",
    /** Milliseconds after which the process is killed, or 0. */
    timeout: "u32",
    /** {@link Supervise} */
    flags: "u32",
    keep: "keepRequest",
    /** Socket: the process is killed when the other end of it is closed. */
    client: "i32",
    /** The container's, for the program. */
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
  /** Bun's own entry point and program headers, which scripts/front.ts writes into the front. */
  behind: {
    entry: "u64",
    segmentCount: "u32",
    /** Which brun this is: what one has written for itself is not for another. */
    build: "u32",
    segments: ["elfSegment", SEGMENTS_MAX],
  },
  /** A part of a file; its offset is a multiple of 8. */
  part: { offset: "u32", size: "u32" },
  planHeader: {
    magic: "u32",
    /** Which brun wrote it: see `behind`. */
    build: "u32",
    /** Of the file. */
    size: "u32",
    /** xxHash32 of all that follows. */
    checksum: "u32",
    parts: ["part", PARTS],
  },
  /** A reference to a string that is to be replaced. */
  hole: {
    /** {@link Hole} */
    kind: "u16",
    /** Of a list: which of its words, or WHOLE_LIST. */
    index: "u16",
    /** Offset in the file of the 4 bytes that refer to it: an argument of an operation, or a relocation's target. */
    at: "u32",
  },
  /** A question with its answer. */
  input: {
    /** {@link InputKind} */
    kind: "u32",
    detail: "u32",
    /** Size 0: about nothing. */
    about: "part",
    answer: "part",
  },
  /** Answer of InputKind.stamp: what statx(2) tells of a file. The owner is as the caller's user namespace sees it. */
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
  /** How a container without a bundle is run. */
  manner: {
    /** {@link Manner} */
    flags: "u32",
    /** {@link Supervise} */
    supervise: "u32",
    /** Milliseconds; 0: for ever. */
    timeout: "u32",
    /** Bytes of each of the two files of the log. */
    limit: "u32",
  },
  /** Answer of InputKind.status. */
  status: { mode: "u32", uid: "u32", gid: "u32", deviceMajor: "u32", deviceMinor: "u32" },
  /** Answer of InputKind.identity. */
  identity: { inode: "u64", deviceMajor: "u32", deviceMinor: "u32" },
  /** Answer of InputKind.shared: others than this user and group, and whether there are some. */
  shared: { uid: "u32", gid: "u32", found: "u32" },
} as const;
