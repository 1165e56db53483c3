/**
 * Takes names during a container's life, so that there is something to mount on (protected.ts). A separate
 * process, a stage, takes them and gives them back: brun or its supervisor may be killed, but no name may
 * stay on the host. The end of a socket tells it that these have gone, and a pidfd that the container has
 * ended. It gives no name back before that, since the program could make it.
 *
 * It ignores all signals except SIGKILL. If it is killed as well, the names stay until the next run with
 * them, which recognizes them by their marks. Several containers may have a name. Each has a shared lock on
 * its directory, and the last one is the one that gets the exclusive lock at its end.
 */
import type { Keeper } from "../container/types.ts";
import { BrunError } from "../errors.ts";
import { tryStat } from "../host/ask.ts";
import { OPEN_HOW_SIZE } from "../init/context.ts";
import { type Label, type Program, ProgramBuilder, type Slot } from "../plan/program.ts";
import { Message, socketPair } from "../stage/messages.ts";
import { Session } from "../stage/session.ts";
import { LOCK, RESOLVE } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { AT_FDCWD, AT_REMOVEDIR, AT_SYMLINK_NOFOLLOW, close, O, S } from "../sys/fs.ts";
import { utf8 } from "../sys/utf8.ts";
import {
  type Protection,
  TAKEN_COMMONDIR,
  TAKEN_COMMONDIR_MODE,
  TAKEN_DIRECTORY_MODE,
  TAKEN_LINK,
  TAKEN_SOCKET_MODE,
  type TakenKind,
  type TakenName,
} from "./protected.ts";
import { blockSignals, waitFor } from "./waiting.ts";

/** In ms. An exclusive lock is held only while a few names are given back. */
const PAUSES = [1, 5, 25, 100, 400];

const MSG_PEEK = 2;
const STATX_INO = 0x100;
const STATX_TYPE_MODE_SIZE = 0x203;
/** The size of struct statx. */
const STATX_SIZE = 256;
const STX_MODE = 0x1c;
const STX_INO = 0x20;
const STX_SIZE = 0x28;

/** Bits of the mode by which brun recognizes what it has made. Default ACLs can change permission bits. */
const MARKS: Readonly<Record<TakenKind, readonly [mask: number, value: number]>> = {
  directory: [S.IFMT | 0o1000, S.IFDIR | 0o1000],
  socket: [S.IFMT | 0o777, S.IFSOCK],
  link: [S.IFMT, S.IFLNK],
  commondir: [S.IFMT | 0o222, S.IFREG],
};
/** The size of links and files that brun has made, which is compared, too. */
const SIZES: Readonly<Partial<Record<TakenKind, number>>> = {
  link: TAKEN_LINK.length,
  commondir: TAKEN_COMMONDIR.length,
};

/** Keeps the names of one container, and reports protected files that were replaced meanwhile. */
export class NameKeeper implements Keeper {
  /**
   * The names are kept as long as a process has this socket open. The other end is closed when they are given
   * back.
   */
  readonly socket: number;
  private readonly session: Session;
  private readonly plans: KeeperPlans;

  /** Takes the names. Throws a BrunError; then none is left. */
  constructor(protection: Protection) {
    this.plans = new KeeperPlans(protection, false);
    const [ours, theirs] = socketPair();
    this.socket = ours;
    const recorded = () => [new KeeperPlans(protection, true).take()];
    const lost = "what keeps names from the program has ended";
    try {
      this.session = new Session(recorded, { alone: true, stdio: [theirs, theirs, -1], lost });
    } finally {
      close(theirs);
    }
    try {
      this.session.send(this.plans.take());
      this.session.until(Message.ready);
    } catch (error) {
      this.end();
      if (!(error instanceof BrunError)) throw error;
      const hint = "--rw-all leaves all below --rw writable, and takes no names";
      throw new BrunError(error.message, { code: error.code, where: "--rw", hint, cause: error });
    }
  }

  /** Makes the names stay taken until the process `pid` has ended. */
  watch(pid: number, startTime: string): void {
    this.session.send(this.plans.watch(pid, startTime));
    syscall(NR.sendto, this.socket, new Uint8Array(1), 1, 0, 0, 0);
  }

  /** Gives the names back if the container was not made, and waits for that. */
  end(): void {
    close(this.socket);
    this.session.end();
  }
}

/** The two programs of one stage. */
class KeeperPlans {
  private readonly first: ProgramBuilder;
  private readonly directories = new Map<string, Slot>();
  private readonly inodes: readonly (readonly [path: string, inode: number | bigint])[];

  constructor(
    private readonly protection: Protection,
    record: boolean,
  ) {
    this.first = new ProgramBuilder(record);
    this.inodes = protection.files.flatMap((path) => {
      const stat = tryStat(path, true);
      return typeof stat === "number" ? [] : [[path, stat.ino] as const];
    });
  }

  /**
   * Takes the names, reports that, and continues with the other program. If no process is left to send that,
   * it gives the names back.
   */
  take(): Program {
    const b = this.first;
    const end = b.label();
    const gone = b.label();
    b.at("--rw", { kind: "session" });
    b.sys("setsid", [], { handle: [E.EPERM] });
    blockSignals(b);
    b.sys("umask", [0]);
    for (const { directory } of this.protection.taken) this.lock(directory);
    for (const name of this.protection.taken) takeName(b, this.directories.get(name.directory)!, name);
    b.sys("chdir", [b.str("/")]);
    // Whether brun still runs is checked below.
    b.send(Message.ready, null, 0, null, { handle: [E.EPIPE, E.ECONNRESET] });
    waitFor(b, 0);
    const cell = b.reserve(8);
    const byte = b.reserve(8);
    const any = { handle: [E.ECONNRESET], orElse: gone };
    b.poke(cell, b.get("recvfrom", [0, byte, 1, MSG_PEEK, null, null], any), 8);
    b.check(cell, 8, -1n, 0, E.EEXIST, { handle: [E.EEXIST], orElse: end });
    b.mark(gone);
    this.giveBack(b);
    b.mark(end);
    return b.finish();
  }

  watch(pid: number, startTime: string): Program {
    const b = new ProgramBuilder(false, this.first);
    const gone = b.label();
    const without = b.label();
    const byte = b.reserve(8);
    const isGone = { handle: [E.ESRCH], orElse: gone };
    b.sys("recvfrom", [0, byte, 1, 0, null, null], { handle: [E.ECONNRESET] });
    // A short program has ended, and brun has reaped it.
    const none = { handle: [E.ENOSYS, E.EPERM, E.ESRCH], orElse: without };
    const fd = b.get("pidfd_open", [pid, 0], none);
    b.alive(pid, Number(startTime), isGone);
    waitFor(b, fd);
    b.fail(E.ESRCH, isGone);
    // Without a pidfd the end of brun or its supervisor counts: the container ends with it.
    b.mark(without);
    waitFor(b, 0);
    b.mark(gone);
    this.giveBack(b);
    for (const [path, inode] of this.inodes) tellReplaced(b, path, inode);
    return b.finish();
  }

  private lock(directory: string): void {
    if (this.directories.has(directory)) return;
    const b = this.first;
    b.at("--rw", { kind: "openTaken", path: directory });
    const how = new Uint32Array([O.RDONLY | O.DIRECTORY | O.CLOEXEC, 0, 0, 0, RESOLVE.NO_SYMLINKS, 0]);
    const blob = b.bytes(new Uint8Array(how.buffer), "open_how");
    const fd = b.get("openat2", [AT_FDCWD, b.str(directory), blob, OPEN_HOW_SIZE]);
    this.directories.set(directory, fd);
    b.at("--rw", { kind: "lockTaken", path: directory });
    // Any other error of flock is fatal, since the names could not be given back.
    b.sys("flock", [fd, LOCK.EX | LOCK.NB], { handle: [E.EAGAIN] });
    const locked = b.label();
    for (const pause of PAUSES) {
      const later = b.label();
      b.sys("flock", [fd, LOCK.SH | LOCK.NB], { handle: [E.EAGAIN], orElse: later, andThen: locked });
      b.mark(later);
      const time = new BigInt64Array([0n, BigInt(pause) * 1_000_000n]);
      b.sys("nanosleep", [b.bytes(new Uint8Array(time.buffer), "pause"), null]);
    }
    b.sys("flock", [fd, LOCK.SH | LOCK.NB]);
    b.mark(locked);
  }

  /** Gives the names back, unless another container has them. */
  private giveBack(b: ProgramBuilder): void {
    const status = b.reserve(STATX_SIZE, "statx");
    const link = words(TAKEN_LINK);
    const target = b.reserve(link.byteLength, "target");
    for (const [directory, fd] of this.directories) {
      const others = b.label();
      b.sys("flock", [fd, LOCK.EX | LOCK.NB], { handle: [E.EAGAIN], orElse: others });
      for (const { name, kind, ...one } of this.protection.taken) {
        if (one.directory !== directory) continue;
        const next = b.label();
        const gone = { handle: [E.ENOENT], orElse: next };
        const text = b.str(name);
        b.sys("statx", [fd, text, AT_SYMLINK_NOFOLLOW, STATX_TYPE_MODE_SIZE, status], gone);
        const [mask, value] = MARKS[kind];
        const others = { handle: [E.EEXIST], orElse: next };
        b.check(b.inside(status, STX_MODE), 2, mask, value, E.EEXIST, others);
        const size = SIZES[kind];
        if (size !== undefined) b.check(b.inside(status, STX_SIZE), 8, -1n, BigInt(size), E.EEXIST, others);
        if (kind === "link") {
          b.sys("readlinkat", [fd, text, target, TAKEN_LINK.length], {
            handle: [E.ENOENT, E.EINVAL],
            orElse: next,
          });
          link.forEach((word, i) => {
            b.check(b.inside(target, 8 * i), 8, -1n, word, E.EEXIST, others);
          });
        }
        // Another process may have put something there meanwhile, or removed it.
        const flags = kind === "directory" ? AT_REMOVEDIR : 0;
        b.sys("unlinkat", [fd, text, flags], { handle: [E.ENOTEMPTY, E.ENOENT, E.EISDIR, E.ENOTDIR] });
        b.mark(next);
      }
      b.mark(others);
    }
  }
}

/** A text as words of 8 bytes, with zeros at its end. */
function words(text: string): BigUint64Array {
  const bytes = new Uint8Array((text.length + 7) & ~7);
  bytes.set(utf8(text));
  return new BigUint64Array(bytes.buffer);
}

function takeName(b: ProgramBuilder, directory: Slot, { directory: path, name, kind }: TakenName): void {
  b.at("--rw", { kind: "takeName", path: `${path}/${name}` });
  const text = b.str(name);
  const there = { handle: [E.EEXIST] };
  if (kind === "directory") b.sys("mkdirat", [directory, text, TAKEN_DIRECTORY_MODE], there);
  else if (kind === "socket") b.sys("mknodat", [directory, text, S.IFSOCK | TAKEN_SOCKET_MODE, 0], there);
  else if (kind === "link") b.sys("symlinkat", [b.str(TAKEN_LINK), directory, text], there);
  else {
    const next = b.label();
    const flags = O.WRONLY | O.CREAT | O.EXCL | O.CLOEXEC;
    const fd = b.get("openat", [directory, text, flags, TAKEN_COMMONDIR_MODE], { ...there, orElse: next });
    b.write(fd, TAKEN_COMMONDIR);
    b.close(fd);
    b.mark(next);
  }
}

function tellReplaced(b: ProgramBuilder, path: string, inode: number | bigint): void {
  const replaced: Label = b.label();
  const next = b.label();
  const status = b.reserve(STATX_SIZE, "statx");
  b.sys("statx", [AT_FDCWD, b.str(path), AT_SYMLINK_NOFOLLOW, STATX_INO, status], {
    handle: [E.ENOENT, E.ENOTDIR],
    orElse: replaced,
  });
  const differs = { handle: [E.EEXIST], orElse: replaced, andThen: next };
  b.check(b.inside(status, STX_INO), 8, -1n, BigInt(inode), E.EEXIST, differs);
  b.mark(replaced);
  b.write(2, `brun: warning: ${path} ${REPLACED}\n`, { handle: [E.EPIPE, E.EBADF, E.EIO] });
  b.mark(next);
}

/** The mount goes with a file that is replaced (detach_mounts in fs/namespace.c). */
const REPLACED =
  "was replaced on this machine while the program ran, which could write to the new one: look at it before you use it";
