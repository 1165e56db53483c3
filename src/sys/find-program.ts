/** Programs of the host by name. */
import { variable } from "./environment.ts";
import { absolute, access, S, tryStat, X_OK } from "./fs.ts";

/**
 * Path of a program in a list of directories as PATH has it; null when none of them has one that the caller may
 * execute.
 */
export function findProgram(name: string, directories = variable("PATH") ?? ""): string | null {
  for (const directory of directories.split(":")) {
    const path = `${absolute(directory)}/${name}`;
    const stat = tryStat(path);
    if (typeof stat === "number" || (stat.mode & S.IFMT) !== S.IFREG) continue;
    if (access(path, X_OK) === 0) return path;
  }
  return null;
}
