/** Programs of the host by name. */
import { variable } from "./environment.ts";
import { cstr, NR, syscall } from "./ffi.ts";
import { AT_FDCWD, absolute, S, tryStat } from "./fs.ts";

const X_OK = 1;
const AT_EACCESS = 0x200;

/**
 * Path of a program in a list of directories as PATH has it; null when none of them has one that the caller may
 * execute.
 */
export function findProgram(name: string, directories = variable("PATH") ?? ""): string | null {
  for (const directory of directories.split(":")) {
    const path = `${absolute(directory)}/${name}`;
    const stat = tryStat(path);
    if (typeof stat === "number" || (stat.mode & S.IFMT) !== S.IFREG) continue;
    if (syscall(NR.faccessat2, AT_FDCWD, cstr(path), X_OK, AT_EACCESS) === 0) return path;
  }
  return null;
}
