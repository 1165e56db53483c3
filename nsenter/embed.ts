/**
 * Bundler macro: reads the built C stage so that it becomes part of the bundle.
 * Runs at bundle time (`bun build`) or transpile time (`bun test`, `bun run`), never in the built brun.
 */
import { readFileSync } from "node:fs";
import { FrontCall } from "../src/plan/abi.ts";
import { Elf } from "./elf.ts";

/** The stage as base64. Throws if `npm run build:c` has not been run. */
export function stageImage(): string {
  return image().toString("base64");
}

/** The addresses of the functions that the front has for bun:ffi. */
export type FrontCalls = { readonly [name in keyof typeof FrontCall]: number };

/**
 * The addresses of the front's functions in an executable that gets a front (BRUN_FRONT, set for
 * scripts/bundle.ts). Null where brun runs without one: from the checkout, and as a library.
 */
export function frontCalls(): FrontCalls | null {
  if (process.env.BRUN_FRONT === undefined) return null;
  const file = readFileSync(`${import.meta.dir}/build/${stageFile().replace(/\.so$/, ".front")}`);
  const { offset } = new Elf(file).section(".calls");
  const address = (call: FrontCall) => Number(file.readBigUInt64LE(offset + 8 * call));
  return {
    syscall: address(FrontCall.syscall),
    spawn: address(FrontCall.spawn),
    catchSignals: address(FrontCall.catchSignals),
    ask: address(FrontCall.ask),
    run: address(FrontCall.run),
  };
}

function image(): Buffer {
  return readFileSync(`${import.meta.dir}/build/${stageFile()}`);
}

/** The stage for this machine's architecture, or the one that BRUN_STAGE names. */
function stageFile(): string {
  return process.env.BRUN_STAGE ?? "nsenter.so";
}
