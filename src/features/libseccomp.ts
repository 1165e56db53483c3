/** Which libseccomp this machine has, and what it and the kernel can do. */
import { linkSymbols, read } from "bun:ffi";
import { librarySymbol, openLibrary } from "../sys/ffi.ts";

/** libseccomp's version ("2.5.4"), or undefined when the library is not installed. */
export function libseccompVersion(): string | undefined {
  const library = openLibrary("libseccomp.so.2");
  const symbol = library === null ? null : librarySymbol(library, "seccomp_version");
  if (symbol === null) return undefined;
  const { version } = linkSymbols({ version: { ptr: symbol, args: [], returns: "ptr" } }).symbols;
  const at = version(); // struct scmp_version: three unsigned ints
  return at === null ? undefined : [0, 4, 8].map((offset) => read.u32(at, offset)).join(".");
}
