/**
 * Bundler macro: reads the built C stage so that it becomes part of the bundle.
 * Runs at bundle time (`bun build`) or transpile time (`bun test`, `bun run`), never in the built brun.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/**
 * The stage as base64: the one of this machine's architecture, or of BRUN_STAGE, a file in build. Throws when
 * `npm run build:c` has not been run.
 */
export function stageImage(): string {
  return image().toString("base64");
}

/** A number by which the front knows programs for its own stage: STAGE_ID of build.sh. Throws as {@link stageImage}. */
export function stageId(): number {
  return createHash("sha256").update(image()).digest().readUInt32BE(0);
}

function image(): Buffer {
  return readFileSync(`${import.meta.dir}/build/${process.env.BRUN_STAGE ?? "nsenter.so"}`);
}
