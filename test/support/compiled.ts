/** Programs in C that tests need, compiled once a run: statically, so that they also run in a container. */
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { workspace } from "./workspace.ts";

/** Path of the program that a C file makes. Throws what the compiler says. */
export function compiled(source: string): string {
  const path = `${workspace()}/${basename(source, ".c")}`;
  if (!existsSync(path)) {
    const argv = ["cc", "-static", "-O1", "-Wall", "-Wextra", "-Werror", "-o", path, source];
    const { exitCode, stderr } = Bun.spawnSync(argv);
    if (exitCode !== 0) throw new Error(`cc: ${stderr.toString()}`);
  }
  return path;
}
