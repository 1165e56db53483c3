/**
 * Calls C functions where Bun has no JIT and so no bun:ffi: under an address space limit, PR_SET_MDWE, or
 * systemd's MemoryDenyWriteExecute. The front detects that before Bun starts, and leaves a Node-API module in a
 * memfd (nsenter/front/engine.c, nsenter/door). Loaded on demand.
 */

import { type FFIFunction, FFIType, ptr } from "bun:ffi";
import { closeSync, readdirSync, readlinkSync } from "node:fs";
import { LibcFunction } from "../plan/abi.ts";

/** nsenter/door/door.c: calls the function at an address with up to seven words. */
type Call = (address: bigint, ...words: bigint[]) => bigint;
type Argument = number | bigint | NodeJS.TypedArray | null | undefined;

const DESCRIPTORS = "/proc/self/fd";

let call: Call | undefined;

/** Makes functions as bun:ffi's linkSymbols does. If there is no module, it prints a line and ends the process. */
export function linkByDoor(functions: Record<string, FFIFunction>): Record<string, unknown> {
  const symbols: Record<string, unknown> = {};
  for (const [name, { ptr: address, returns }] of Object.entries(functions)) {
    symbols[name] = caller(BigInt(address as number), returns as FFIType);
  }
  return symbols;
}

/** The functions of libc that give access to all others. */
export function libcByDoor(returns: FFIType): Record<keyof typeof LibcFunction, unknown> {
  const function_ = (which: LibcFunction) => caller(openDoor()(BigInt(which)), returns);
  return {
    dlopen: function_(LibcFunction.dlopen),
    dlsym: function_(LibcFunction.dlsym),
    dlerror: function_(LibcFunction.dlerror),
  };
}

function caller(address: bigint, returns: FFIType): (...args: Argument[]) => unknown {
  const door = openDoor();
  return (...args) => result(door(address, ...args.map(word)), returns);
}

/** An argument as a register value. A typed array stands for its address, as in bun:ffi. */
function word(argument: Argument): bigint {
  if (ArrayBuffer.isView(argument)) return BigInt(argument.byteLength === 0 ? 0 : ptr(argument));
  return BigInt(argument ?? 0);
}

/** A register value as a function's return type. The upper half of an int is undefined. */
function result(word: bigint, type: FFIType): number | bigint | null | undefined {
  switch (type) {
    case FFIType.void:
      return undefined;
    case FFIType.i32:
      return Number(BigInt.asIntN(32, word));
    case FFIType.u32:
      return Number(BigInt.asUintN(32, word));
    case FFIType.ptr:
      return word === 0n ? null : Number(BigInt.asUintN(64, word));
    default:
      return Number(word);
  }
}

/** Loads the front's module. */
function openDoor(): Call {
  call ??= loadDoor();
  return call;
}

function loadDoor(): Call {
  for (const fd of readdirSync(DESCRIPTORS)) {
    const path = `${DESCRIPTORS}/${fd}`;
    if (!isDoor(path)) continue;
    const module = { exports: {} };
    process.dlopen(module, path);
    // The descriptor is closed, since the container may need its number.
    closeSync(Number(fd));
    return module.exports as Call;
  }
  process.stderr.write(`brun: ${NO_DOOR}\n`);
  process.exit(1);
}

const NO_DOOR =
  "the engine may not make executable memory, which bun:ffi needs; hint: unset BUN_JSC_useJIT, lift what forbids it " +
  "(ulimit -v, PR_SET_MDWE, MemoryDenyWriteExecute), or use the compiled brun, which can do without";

function isDoor(path: string): boolean {
  try {
    return readlinkSync(path) === "/memfd:brun-door (deleted)";
  } catch {
    return false;
  }
}
