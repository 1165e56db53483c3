/** Programs in C that tests need, compiled once a run: statically, so that they also run in a container. */
import { chmodSync, existsSync } from "node:fs";
import { basename } from "node:path";
import { workspace } from "./workspace.ts";

/** Path of the program that a C file makes: beside it, where `npm run test:vm` has put it. Throws what the compiler says. */
export function compiled(source: string): string {
  const beside = source.replace(/\.c$/, "");
  if (existsSync(beside)) return beside;
  const path = `${workspace()}/${basename(source, ".c")}`;
  if (!existsSync(path)) compile(source, path);
  return path;
}

/** Compiles a C file. Throws what the compiler says. */
export function compile(source: string, path: string): void {
  const argv = ["cc", "-static", "-O1", "-Wall", "-Wextra", "-Werror", "-o", path, source];
  const { exitCode, stderr } = Bun.spawnSync(argv);
  if (exitCode !== 0) throw new Error(`cc: ${stderr.toString()}`);
  chmodSync(path, 0o755);
}
