/** Finds programs of the host by name. */
import { absolute, S, X_OK } from "../sys/fs.ts";
import { access, fileType, variable } from "./ask.ts";

/** The path of a program in a list of directories such as PATH; null if none has one that the caller may execute. */
export function findProgram(name: string, directories = variable("PATH") ?? ""): string | null {
  for (const directory of directories.split(":")) {
    const path = `${absolute(directory)}/${name}`;
    if (fileType(path) !== S.IFREG) continue;
    if (access(path, X_OK) === 0) return path;
  }
  return null;
}
