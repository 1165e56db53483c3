/** The working directory of a process. */
import type { Process } from "../spec/index.ts";
import { E } from "../sys/errno.ts";
import type { ProcessContext } from "./context.ts";

const CWD_SIZE = 4096;
const REFUSED = [E.EACCES, E.EPERM];

/**
 * Changes to the working directory, with the rights of whoever starts the process. What is refused to root
 * without its capabilities may be open to the process's user, so the call that this returns tries once more.
 */
export function enterDirectory(x: ProcessContext, process: Process): () => void {
  const { b } = x;
  const cwd = process.cwd || "/";
  const change = () => b.at("process.cwd", `change to the working directory ${cwd}`);
  change();
  const entered = b.reserve(8, "0");
  const refused = b.label();
  const path = b.str(cwd);
  b.sys("chdir", [path], { handle: REFUSED, orElse: refused });
  b.poke(entered, 1, 4);
  b.mark(refused);
  return () => {
    change();
    const again = b.label();
    const done = b.label();
    b.check(entered, 1, 0xff, 1, E.EACCES, { handle: [E.EACCES], orElse: again, andThen: done });
    b.mark(again);
    b.sys("chdir", [path]);
    b.mark(done);
  };
}

/** Makes sure that the working directory is inside the root (CVE-2024-21626). */
export function verifyDirectory(x: ProcessContext): void {
  const { b } = x;
  b.at("process.cwd", "look where the working directory is");
  const buffer = b.reserve(CWD_SIZE, "buffer");
  b.sys("getcwd", [buffer, CWD_SIZE]);
  // The kernel writes "(unreachable)/…" for a directory outside the root.
  b.check(buffer, 1, 0xff, 0x2f, E.EXDEV);
}
