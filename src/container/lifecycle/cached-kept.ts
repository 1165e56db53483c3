/** What keeps the output of a detached container, in its plan: the front makes it as openKept() of ../io/kept-process.ts does. */
import { Hole, LocalSlot } from "../../plan/file-abi.ts";
import type { ProgramBuilder, Slot } from "../../plan/program.ts";
import { AF, LOCK, SOCK } from "../../sys/constants.ts";
import { E } from "../../sys/errno.ts";
import { AT_FDCWD, O } from "../../sys/fs.ts";
import { utf8 } from "../../sys/utf8.ts";
import { parentOf } from "../io/kept-log.ts";

const PRIVATE = 0o077;
/** struct sockaddr_un: the family and a path. */
const ADDRESS = `${String.fromCharCode(AF.UNIX)}\0attach\0`;

/**
 * Makes the directory of the log, the file for the exit code and the socket of those who are attached, and leaves their
 * descriptors in the slots that LocalSlot names.
 */
export function makeKept(b: ProgramBuilder, slots: readonly Slot[], log: string): void {
  const directory = slots[LocalSlot.directory]!;
  const place = b.hole(Hole.log, log);
  b.sys("mkdirat", [AT_FDCWD, b.str(parentOf(log)), 0o700], { handle: [E.EEXIST] });
  b.sys("mkdirat", [AT_FDCWD, place, 0o700]);
  const flags = O.RDONLY | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC;
  b.get("openat", [AT_FDCWD, place, flags, 0], { out: slots[LocalSlot.log]! });
  const exit = slots[LocalSlot.exit]!;
  b.get("openat", [directory, b.str("exit"), O.WRONLY | O.CREAT | O.EXCL | O.CLOEXEC, 0o600], { out: exit });
  b.sys("flock", [exit, LOCK.EX | LOCK.NB]);
  const attach = b.get("socket", [AF.UNIX, SOCK.DGRAM | SOCK.CLOEXEC, 0], {
    out: slots[LocalSlot.attach]!,
  });
  // An address has no room for a long path.
  const before = b.get("openat", [AT_FDCWD, b.str("."), O.PATH | O.DIRECTORY | O.CLOEXEC, 0]);
  const address = utf8(ADDRESS);
  b.sys("fchdir", [directory]);
  const mask = b.get("umask", [PRIVATE]);
  b.sys("bind", [attach, b.bytes(address, "attach"), address.length]);
  b.sys("umask", [mask]);
  b.sys("fchdir", [before]);
  b.close(before);
}
