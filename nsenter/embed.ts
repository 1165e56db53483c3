/**
 * Bundler macro: reads the built C stage so that it becomes part of the bundle.
 * Runs at bundle time (`bun build`) or transpile time (`bun test`, `bun run`), never in the built brun.
 */
import { readFileSync } from "node:fs";

/**
 * The stage as base64: the one of this machine's architecture, or of BRUN_STAGE, a file in build. Throws when
 * `npm run build:c` has not been run.
 */
export function stageImage(): string {
  const file = process.env.BRUN_STAGE ?? "nsenter.so";
  return readFileSync(`${import.meta.dir}/build/${file}`).toString("base64");
}
