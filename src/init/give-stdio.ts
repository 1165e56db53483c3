/**
 * Gives stdio to the user of a program that is not root's. The kinds of the descriptors are checked only when the
 * program is about to run, since each call of `exec` has other ones.
 */
import { Hole } from "../plan/file-abi.ts";
import type { Value } from "../plan/operation.ts";
import { ANY, type Label } from "../plan/program.ts";
import { STATX } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { AT_EMPTY_PATH, O, S } from "../sys/fs.ts";
import type { ProcessContext } from "./context.ts";

const F_GETFL = 3;
const O_ACCMODE = 3;

/**
 * Gives stdin, stdout and stderr to a user, so that it can open /dev/stdout again: pipes, sockets, and files to write to. A
 * device is never given away.
 */
export function giveStdio(x: ProcessContext, uid: number): void {
  const { b } = x;
  const root = b.label();
  const user = unlessRoot(x, uid, root);
  const status = b.reserve(STATX.SIZE, "statx");
  const flags = b.reserve(8, "flags");
  for (const fd of [0, 1, 2]) {
    const [next, give, socket, file] = [b.label(), b.label(), b.label(), b.label()];
    const isType = (type: number) => [b.inside(status, STATX.MODE), 2, S.IFMT, type, E.EAGAIN] as const;
    b.sys("statx", [fd, b.str(""), AT_EMPTY_PATH, STATX.TYPE, status], { handle: [ANY], orElse: next });
    b.check(...isType(S.IFIFO), { handle: [E.EAGAIN], orElse: socket, andThen: give });
    b.mark(socket);
    b.check(...isType(S.IFSOCK), { handle: [E.EAGAIN], orElse: file, andThen: give });
    b.mark(file);
    b.check(...isType(S.IFREG), { handle: [E.EAGAIN], orElse: next });
    const got = b.get("fcntl", [fd, F_GETFL, 0], { handle: [ANY], orElse: next });
    b.poke(flags, got, 8);
    b.free(got);
    b.check(flags, 4, O_ACCMODE, O.RDONLY, E.EAGAIN, { handle: [E.EAGAIN], orElse: give, andThen: next });
    b.mark(give);
    b.sys("fchown", [fd, user, -1], { handle: [ANY] });
    b.mark(next);
  }
  b.mark(root);
}

/** The user's id. If it may be 0 when the program runs (`anyUser`), goes to `root` then. */
export function unlessRoot({ b, anyUser }: ProcessContext, uid: number, root: Label): Value {
  const user = b.number(Hole.uid, uid);
  if (!anyUser) return user;
  const other = b.label();
  const jumps = { handle: [E.EAGAIN], orElse: other, andThen: root };
  b.check(b.reserve(8, "0"), 4, 0xffffffffn, user, E.EAGAIN, jumps);
  b.mark(other);
  return user;
}
