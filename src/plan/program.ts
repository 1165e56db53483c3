/**
 * A program for the stage: a flat list of operations over slots (results, mostly file descriptors) and a blob
 * (structs and strings). src/init builds it, nsenter/plan/execute.c executes it, and describe.ts prints it.
 * Building one does no I/O.
 */
import type { SyscallName } from "../sys/syscalls.ts";
import { utf8, utf8Length } from "../sys/utf8.ts";
import { ANY_ERRNO as ANY, BITS_INVERTED, Copy, FD_WIDTH, Target, WHOLE_TEXT } from "./abi.ts";
import { Assembler, none } from "./assembler.ts";
import type { Blob, OpenNumber, Policy, Slot, Str, Value } from "./operation.ts";

export type { Blob, Label, Op, Policy, Program, Slot, Str, Text, Value } from "./operation.ts";
export type { Step } from "./step.ts";
export { ANY };

const FD_DIRECTORY = "/proc/self/fd";
const NUMBER = "/".repeat(FD_WIDTH);

function shown(piece: string | Slot): string {
  return typeof piece === "string" ? piece : `${FD_DIRECTORY}/%${piece.at}`;
}

/** Builds a {@link Program}, one operation after the other. */
export class ProgramBuilder extends Assembler {
  private path: Blob | undefined;

  /**
   * Sends a message to brun, and waits for the answer unless `answer` is 0. The result is the answer's value.
   * @param then the descriptor that gets failures after the answer, instead of brun
   */
  send(type: number, fd: Slot | null, answer: number, then: Slot | null = null, policy: Policy = none): void {
    this.push("send", "", [type, fd ?? -1, answer, then ?? 0], policy);
  }

  /** Clones into new namespaces; see nsenter/plan/execute.c. */
  clone(flags: number, cgroup: Slot | null): void {
    this.push("clone", "", [flags, cgroup ?? -1], none);
  }

  /** Fails with `errno` unless (bytes at `blob` & mask) is `expected`. */
  check(
    blob: Blob,
    width: 1 | 2 | 4 | 8,
    mask: Value,
    expected: Value,
    errno: number,
    policy: Policy = none,
  ): void {
    this.push("check", "", [blob, width, mask, expected, errno], policy);
  }

  /** Fails with `errno`. With a policy that handles it, this is a jump. */
  fail(errno: number, policy: Policy = none): void {
    this.check(this.reserve(8, "zero"), 1, 0xff, 1, errno, policy);
  }

  /** Writes a value into the blob as 4 or 8 bytes, or as decimal text; see {@link OpKind.poke}. */
  poke(blob: Blob, value: Value, width: 0 | 4 | 8 | typeof FD_WIDTH): void {
    this.push("poke", "", [blob, value, width], none);
  }

  /** Waits for a message from brun. */
  await(type: number): void {
    this.push("send", "", [0, -1, type, 0], none);
  }

  /** Starts a program (struct spawn_request) and waits for it. */
  spawn(request: Blob, stdin: Slot | null, timeoutMs: number, policy: Policy = none): void {
    this.push("spawn", "", [request, stdin ?? -1, timeoutMs], policy);
  }

  /**
   * Makes a system call with four arguments for each bit of a 64-bit `mask`, or with `inverted` for each bit that
   * it lacks. Argument `at` (0 to 3) is the bit's number. EINVAL ends it without an error: the kernel knows neither
   * that bit nor those after it.
   */
  bits(name: SyscallName, mask: number, at: number, args: readonly number[], inverted = false): void {
    const [a = 0, b = 0, c = 0, d = 0] = args;
    if (mask !== 0 || inverted)
      this.push("bits", name, [mask, at + 2 + (inverted ? BITS_INVERTED : 0), a, b, c, d], none);
  }

  /**
   * Opens (O_PATH) a path below `root`, and makes missing parts of it; see nsenter/plan/target.c.
   * @param missing the path is a single name that most likely does not exist yet
   */
  target(root: Slot, path: string | Str, resolve: number, kind: "dir" | "file", missing = false): Slot {
    const out = this.slot();
    const flags = (kind === "file" ? Target.file : 0) | (missing ? Target.missing : 0);
    const place = typeof path === "string" ? this.str(path) : path;
    this.push("target", "", [root, place, resolve, flags], none, out);
    return out;
  }

  /** Copies a directory's mode, or with `contents` its contents; see nsenter/plan/copy.h. */
  copy(from: Slot, to: Slot, contents: boolean, policy: Policy = none): void {
    this.push("copy", "", [from, to, contents ? Copy.contents : Copy.mode], policy);
  }

  /** Copies a regular file from one directory to another; see nsenter/plan/copy.h. */
  copyFile(from: Slot, to: Slot, name: string, policy: Policy = none): void {
    this.push("copy", "", [from, to, Copy.file, this.str(name)], policy);
  }

  /** Writes the mode of a file into the blob, as four octal digits. */
  mode(blob: Blob, fd: Slot): void {
    this.push("mode", "", [blob, fd], none);
  }

  /** Writes a user's home directory from passwd(5) into HOME_SIZE bytes of the blob; see nsenter/plan/passwd.h. */
  home(blob: Blob, uid: Value, path: string): void {
    this.push("home", "", [blob, uid, this.str(path)], none);
  }

  /** Replaces close_range(2): marks descriptors from `first` up close-on-exec; see nsenter/plan/fallback.h. */
  cloexec(fds: Slot, first: number): void {
    this.push("cloexec", "", [fds, first], none);
  }

  /** Replaces mount_setattr(2) for an attached mount, with flags of mount(2); see nsenter/plan/fallback.h. */
  remount(mount: Slot, set: number, clear: number): void {
    this.push("remount", "", [mount, this.fdPath(mount), set, clear], none);
  }

  /** Fails with ESRCH unless the process lives and started at `startTime`; see nsenter/plan/alive.h. */
  alive(pid: number | Slot | OpenNumber, startTime: number | Slot | OpenNumber, policy: Policy = none): void {
    this.push("alive", "", [pid, startTime], policy);
  }

  /**
   * Checks that `file` may be executed. It is a path, or a name that is searched in `path`;
   * see nsenter/plan/search.h.
   */
  find(file: Str, path: Str, policy: Policy = none): void {
    this.push("find", "", [file, path], policy);
  }

  /** Writes all of a text or a struct, also to a pipe that another process has made non-blocking. */
  write(fd: Slot | number, what: string | Str | Uint8Array, policy: Policy = none): void {
    if (what instanceof Uint8Array) {
      this.push("write", "", [fd, this.bytes(what, `${what.length} bytes`), what.length], policy);
    } else if (typeof what === "string") {
      this.push("write", "", [fd, this.str(what), utf8Length(what)], policy);
    } else this.push("write", "", [fd, what, WHOLE_TEXT], policy);
  }

  /** Forks a child that goes on with the program. The process stays as its init; see nsenter/stage/init.h. */
  init(): void {
    this.push("init", "", [], none);
  }

  /** execve(2) of the file that {@link find} finds. */
  execute(file: Str, path: Str, argv: Blob, envp: Blob): void {
    this.push("execute", "", [file, path, argv, envp], none);
  }

  /** A text with the paths of descriptors: each slot stands for the path /proc/self/fd/N of its descriptor. */
  fdText(pieces: readonly (string | Slot)[]): Blob {
    let text = "";
    const places: (readonly [at: number, slot: Slot])[] = [];
    for (const piece of pieces) {
      if (typeof piece !== "string") {
        text += FD_DIRECTORY;
        places.push([utf8Length(text), piece]);
      }
      text += typeof piece === "string" ? piece : NUMBER;
    }
    const blob = this.bytes(utf8(`${text}\0`), () => pieces.map(shown).join(""));
    for (const [at, slot] of places) this.poke(this.inside(blob, at), slot, FD_WIDTH);
    return blob;
  }

  /** The path /proc/self/fd/N of the descriptor in a slot; the next call overwrites it. */
  fdPath(slot: Slot): Blob {
    this.path ??= this.bytes(utf8(`${FD_DIRECTORY}/`.padEnd(40, "\0")), "fd path");
    this.poke(this.inside(this.path, FD_DIRECTORY.length + 1), slot, 0);
    return this.path;
  }
}
