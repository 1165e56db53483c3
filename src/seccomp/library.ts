/** libseccomp through bun:ffi. It is loaded only if a filter is not in the cache. */
import { FFIType, type Pointer, read } from "bun:ffi";
import { BrunError } from "../errors.ts";
import { installHint, PACKAGES } from "../package-names.ts";
import { librarySymbol, openLibrary } from "../sys/libc.ts";
import { link as linkC } from "../sys/link.ts";

const { ptr, u32, i32 } = FFIType;

const FUNCTIONS = {
  seccomp_api_get: { args: [], returns: u32 },
  seccomp_init: { args: [u32], returns: ptr },
  seccomp_release: { args: [ptr], returns: FFIType.void },
  seccomp_arch_native: { args: [], returns: u32 },
  seccomp_arch_resolve_name: { args: [ptr], returns: u32 },
  seccomp_arch_add: { args: [ptr, u32], returns: i32 },
  seccomp_attr_set: { args: [ptr, u32, u32], returns: i32 },
  seccomp_syscall_resolve_name: { args: [ptr], returns: i32 },
  seccomp_syscall_resolve_name_arch: { args: [u32, ptr], returns: i32 },
  seccomp_syscall_resolve_num_arch: { args: [u32, i32], returns: ptr },
  seccomp_rule_add_array: { args: [ptr, u32, i32, u32, ptr], returns: i32 },
  seccomp_export_bpf: { args: [ptr, i32], returns: i32 },
} as const;

/** The functions of libseccomp. Those that return an int return 0 or -errno. */
export type Libseccomp = ReturnType<typeof link>;

export const LIBRARY_NAME = "libseccomp.so.2";

function link(library: Pointer) {
  const symbol = (name: keyof typeof FUNCTIONS) => {
    const address = librarySymbol(library, name);
    if (address !== null) return address;
    throw new BrunError(`${LIBRARY_NAME} is too old: it has no ${name}`, {
      hint: "brun needs libseccomp 2.5 or later",
    });
  };
  const withAddresses = Object.fromEntries(
    Object.entries(FUNCTIONS).map(([name, f]) => [
      name,
      { ...f, ptr: symbol(name as keyof typeof FUNCTIONS) },
    ]),
  ) as { [K in keyof typeof FUNCTIONS]: (typeof FUNCTIONS)[K] & { ptr: Pointer } };
  return linkC(withAddresses);
}

let loaded: Libseccomp | null = null;

/** Loads libseccomp. Throws a BrunError that names the package if it is not installed. */
export function libseccomp(): Libseccomp {
  loaded ??= link(open());
  return loaded;
}

function open(): Pointer {
  const library = openLibrary(LIBRARY_NAME);
  if (library === null) {
    throw new BrunError(`${LIBRARY_NAME} cannot be loaded, and the config has a seccomp profile`, {
      where: "linux.seccomp",
      hint: installHint(PACKAGES.libseccomp),
    });
  }
  return library;
}

/** The version of libseccomp, such as "2.5.4". Throws a BrunError as {@link libseccomp} does. */
export function libseccompVersion(): string {
  const address = librarySymbol(open(), "seccomp_version");
  if (address === null) return "unknown";
  const { seccomp_version } = linkC({
    seccomp_version: { ptr: address, args: [], returns: ptr },
  });
  const version = seccomp_version(); // struct scmp_version: three unsigned ints
  if (version === null) return "unknown";
  return `${read.u32(version, 0)}.${read.u32(version, 4)}.${read.u32(version, 8)}`;
}
