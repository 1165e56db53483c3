/**
 * Bundler macro: reads the built C stage so that it becomes part of the bundle.
 * Runs at bundle time (`bun build`) or transpile time (`bun test`, `bun run`), never in the built brun.
 */
import { readFileSync } from "node:fs";
import { FrontCall } from "../src/plan/abi.ts";
import { Elf } from "./elf.ts";

/** The stage as base64. Throws when `npm run build:c` has not been run. */
export function stageImage(): string {
  return image().toString("base64");
}

/** Addresses of what the front has for bun:ffi. */
export type FrontCalls = { readonly [name in keyof typeof FrontCall]: number };

/**
 * In an executable that gets a front (BRUN_FRONT, set for scripts/bundle.ts) where its functions are; null where
 * brun runs without one: from the checkout, and as a library.
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

/** Of this machine's architecture, or the one of BRUN_STAGE. */
function stageFile(): string {
  return process.env.BRUN_STAGE ?? "nsenter.so";
}
