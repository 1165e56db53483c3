/** Compiles C programs for tests once a run. They are static, so that they run in containers, too. */
import { chmodSync, existsSync } from "node:fs";
import { basename } from "node:path";
import { workspace } from "./workspace.ts";

/**
 * The path of a C file's program. `npm run test:vm` puts it beside the C file. Throws an Error with the
 * compiler's messages.
 */
export function compiled(source: string): string {
  const beside = source.replace(/\.c$/, "");
  if (existsSync(beside)) return beside;
  const path = `${workspace()}/${basename(source, ".c")}`;
  if (!existsSync(path)) compile(source, path);
  return path;
}

/**
 * Compiles a C file to a static program.
 * @param flags further flags of the compiler; they override the ones before them
 * @throws Error with the compiler's messages
 */
export function compile(source: string, path: string, ...flags: string[]): void {
  const argv = ["cc", "-static", "-O1", "-Wall", "-Wextra", "-Werror", ...flags, "-o", path, source];
  const { exitCode, stderr } = Bun.spawnSync(argv);
  if (exitCode !== 0) throw new Error(`cc: ${stderr.toString()}`);
  chmodSync(path, 0o755);
}
