/**
 * A program for the stage: a flat list of operations over slots (results, mostly file descriptors) and a blob
 * (structs and strings). Built by src/init, executed by nsenter/plan/execute.c, printed by describe.ts. Building one
 * does no I/O.
 */
import type { SyscallName } from "../sys/syscalls.ts";
import { utf8, utf8Length } from "../sys/utf8.ts";
import { ANY_ERRNO as ANY, BITS_INVERTED, Copy, WHOLE_TEXT } from "./abi.ts";
import { Assembler, none } from "./assembler.ts";
import type { Blob, Policy, Slot, Str, Value } from "./operation.ts";

export type { Blob, Label, Op, Policy, Program, Slot, Str, Text, Value } from "./operation.ts";
export type { Step } from "./step.ts";
export { ANY };

/** Builds a {@link Program}, operation by operation. */
export class ProgramBuilder extends Assembler {
  private path: Blob | undefined;

  /**
   * Sends a message to brun; waits for the answer unless `answer` is 0. The answer's value is the result.
   * @param then descriptor that failures go to after the answer, instead of to brun
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

  /** Fails with `errno` where the program comes to it; with a policy it goes on elsewhere. */
  fail(errno: number, policy: Policy = none): void {
    this.check(this.reserve(8, "zero"), 1, 0xff, 1, errno, policy);
  }

  /** Writes a value into the blob: as 4 or 8 bytes, or (0) as decimal text. */
  poke(blob: Blob, value: Value, width: 0 | 4 | 8): void {
    this.push("poke", "", [blob, value, width], none);
  }

  /** Starts a program (struct spawn_request) and waits for it. */
  spawn(request: Blob, stdin: Slot | null, timeoutMs: number, policy: Policy = none): void {
    this.push("spawn", "", [request, stdin ?? -1, timeoutMs], policy);
  }

  /**
   * A system call with four arguments for each bit of a 64-bit `mask`, or with `inverted` for each that it lacks;
   * argument `at` (0 to 3) is the bit's number. EINVAL, a bit that this kernel does not know, is passed over.
   */
  bits(name: SyscallName, mask: number, at: number, args: readonly number[], inverted = false): void {
    const [a = 0, b = 0, c = 0, d = 0] = args;
    if (mask !== 0 || inverted)
      this.push("bits", name, [mask, at + 2 + (inverted ? BITS_INVERTED : 0), a, b, c, d], none);
  }

  /** Opens (O_PATH) a path below `root`, making what is missing; see nsenter/plan/target.c. */
  target(root: Slot, path: string, resolve: number, kind: "dir" | "file"): Slot {
    const out = this.slot();
    this.push("target", "", [root, this.str(path), resolve, kind === "file" ? 1 : 0], none, out);
    return out;
  }

  /** Copies a directory's mode, or with `contents` what is in it; see nsenter/plan/copy.h. */
  copy(from: Slot, to: Slot, contents: boolean, policy: Policy = none): void {
    this.push("copy", "", [from, to, contents ? Copy.contents : Copy.mode], policy);
  }

  /** Copies a regular file of a directory to another directory; see nsenter/plan/copy.h. */
  copyFile(from: Slot, to: Slot, name: string, policy: Policy = none): void {
    this.push("copy", "", [from, to, Copy.file, this.str(name)], policy);
  }

  /** Writes the mode of a file into the blob, as four octal digits. */
  mode(blob: Blob, fd: Slot): void {
    this.push("mode", "", [blob, fd], none);
  }

  /** Writes the home directory of a user by passwd(5) into the blob, of HOME_SIZE bytes; see nsenter/plan/passwd.h. */
  home(blob: Blob, uid: number, path: string): void {
    this.push("home", "", [blob, uid, this.str(path)], none);
  }

  /** close_range(2) without that call: marks descriptors from `first` up close-on-exec; see nsenter/plan/fallback.h. */
  cloexec(fds: Slot, first: number): void {
    this.push("cloexec", "", [fds, first], none);
  }

  /** mount_setattr(2) without that call on an attached mount, with flags of mount(2); see nsenter/plan/fallback.h. */
  remount(mount: Slot, set: number, clear: number): void {
    this.push("remount", "", [mount, this.fdPath(mount), set, clear], none);
  }

  /** Fails with ESRCH unless the process lives and started at `startTime`; see nsenter/plan/alive.h. */
  alive(pid: number | Slot, startTime: number | Slot, policy: Policy = none): void {
    this.push("alive", "", [pid, startTime], policy);
  }

  /** Whether `file` may be executed, by its path or by a name looked for in `path`; see nsenter/plan/search.h. */
  find(file: Str, path: string, policy: Policy = none): void {
    this.push("find", "", [file, this.str(path)], policy);
  }

  /** Writes all of a text or a struct, also to a pipe that others have made non-blocking. */
  write(fd: Slot | number, what: string | Str | Uint8Array, policy: Policy = none): void {
    if (what instanceof Uint8Array) {
      this.push("write", "", [fd, this.bytes(what, `${what.length} bytes`), what.length], policy);
    } else if (typeof what === "string") {
      this.push("write", "", [fd, this.str(what), utf8Length(what)], policy);
    } else this.push("write", "", [fd, what, WHOLE_TEXT], policy);
  }

  /** Lets a child go on with the program; the process stays as an init; see nsenter/stage/init.h. */
  init(): void {
    this.push("init", "", [], none);
  }

  /** execve(2) of what {@link find} finds. */
  execute(file: Str, path: string, argv: Blob, envp: Blob): void {
    this.push("execute", "", [file, this.str(path), argv, envp], none);
  }

  /** The path /proc/self/fd/N of the descriptor in a slot, good until the next one. */
  fdPath(slot: Slot): Blob {
    this.path ??= this.bytes(utf8("/proc/self/fd/".padEnd(40, "\0")), "fd path");
    this.poke(this.inside(this.path, 14), slot, 0);
    return this.path;
  }
}
