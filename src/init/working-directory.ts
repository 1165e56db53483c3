/** The working directory of a process. */
import { Hole } from "../plan/file-abi.ts";
import type { Process } from "../spec/index.ts";
import { E } from "../sys/errno.ts";
import type { ProcessContext } from "./context.ts";
import { tryEarly } from "./retry.ts";

const CWD_SIZE = 4096;

/**
 * Changes to the working directory with the rights of the process that starts the program. Root without
 * capabilities may be refused where the program's user is not, so the returned function tries again.
 */
export function enterDirectory(x: ProcessContext, process: Process): () => void {
  const cwd = process.cwd || "/";
  const describe = () => x.b.at("process.cwd", { kind: "changeToCwd", path: cwd });
  describe();
  const retry = tryEarly(x, "chdir", [x.b.hole(Hole.cwd, cwd)], [E.EACCES, E.EPERM]);
  return () => {
    describe();
    retry();
  };
}

/** Makes sure that the working directory is inside the root (CVE-2024-21626). */
export function verifyDirectory(x: ProcessContext): void {
  const { b } = x;
  b.at("process.cwd", { kind: "whereIsCwd" });
  const buffer = b.reserve(CWD_SIZE, "buffer");
  b.sys("getcwd", [buffer, CWD_SIZE]);
  // The kernel writes "(unreachable)/…" for a directory outside the root.
  b.check(buffer, 1, 0xff, 0x2f, E.EXDEV);
}
