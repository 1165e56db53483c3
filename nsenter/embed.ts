/**
 * Bundler macro: reads the built C stage so that it becomes part of the bundle.
 * Runs at bundle time (`bun build`) or transpile time (`bun test`, `bun run`), never in the built brun.
 */
import { readFileSync } from "node:fs";

/** The stage as base64. Throws when `npm run build:c` has not been run. */
export function stageImage(): string {
  return readFileSync(`${import.meta.dir}/build/nsenter.so`).toString("base64");
}
