/** The seccomp filter of a container: from the cache, or compiled by libseccomp. */
import { tryStat, variable } from "../host/ask.ts";
import { asking, isRecording, uncacheable } from "../host/recorder.ts";
import type { Seccomp } from "../spec/seccomp.ts";
import { lazy } from "../sys/lazy.ts";
import { each } from "../sys/lists.ts";
import { fileIdentity, loadedLibrary, readCache, writeCache } from "./cache.ts";
import { filterFlags } from "./flags.ts";

/** Version of the stub in enosys.ts. Change it with the stub, so that cached filters are compiled again. */
const STUB_VERSION = 1;

/** Options of compiling. */
export interface SeccompOptions {
  /** The directory of the cache, which is created if it is missing. Without it every filter is compiled. */
  readonly cacheDirectory?: string | undefined;
  /** Annotation run.oci.seccomp_fail_unknown_syscall: an unknown system call is an error. */
  readonly failUnknown?: boolean | undefined;
}

/** A filter, ready for seccomp(SECCOMP_SET_MODE_FILTER). */
export interface CompiledSeccomp {
  /** An array of struct sock_filter. */
  readonly bpf: Uint8Array;
  /** SECCOMP_FILTER_FLAG_*, with NEW_LISTENER if `notify` is set. */
  readonly flags: number;
  /** seccomp(2) returns the descriptor of a listener, for the agent at linux.seccomp.listenerPath. */
  readonly notify: boolean;
  /** One line each: parts of the profile that are ignored. */
  readonly warnings: readonly string[];
  /**
   * One line each, for `--debug` and `brun explain`: system calls that libseccomp does not know, and
   * rules and flags without effect. The default profiles of docker and podman contain some of these,
   * so they are no warnings.
   */
  readonly notes: readonly string[];
  /** The path of the libseccomp that made the filter, now or when it was cached; null if that is not known. */
  readonly library: string | null;
}

/**
 * Compiles linux.seccomp (runtime-spec, config-linux.md#seccomp). Throws a BrunError if libseccomp is not
 * installed, or refuses an architecture, an action or a rule.
 */
export function compileSeccomp(seccomp: Seccomp, options: SeccompOptions = {}): CompiledSeccomp {
  const { flags, notify, warnings, notes } = filterFlags(seccomp);
  const failUnknown = options.failUnknown ?? false;
  // The cache checks by itself whether a filter is good. Only the choice of libseccomp is an input.
  const made = asking(() => cached(options.cacheDirectory, seccomp, failUnknown));
  const { bpf, library } = made;
  recordLibrary(library);
  return { bpf, flags, notify, warnings, notes: [...notes, ...made.notes], library };
}

/** Files by which the dynamic loaders of glibc and musl find a library (ld.so(8)). */
const LOADER_FILES = ["/etc/ld.so.cache", `/etc/ld-musl-${machine()}.path`] as const;

function machine(): string {
  return process.arch === "arm64" ? "aarch64" : "x86_64";
}

/** Records the library as an input, and the files that decide which library is loaded. */
function recordLibrary(library: string | null): void {
  if (!isRecording()) return;
  if (library === null) uncacheable("it is not known which libseccomp has made the filter");
  else tryStat(library);
  each(LOADER_FILES, (path) => tryStat(path));
  variable("LD_LIBRARY_PATH");
}

function cached(directory: string | undefined, seccomp: Seccomp, failUnknown: boolean) {
  if (directory === undefined) return { ...builder().build(seccomp, failUnknown), library: loadedLibrary() };
  const key = cacheKey(seccomp, failUnknown);
  const found = readCache(directory, key);
  if (found !== null) return found;
  const built = builder().build(seccomp, failUnknown);
  const library = loadedLibrary();
  const libraryIdentity = library === null ? null : fileIdentity(library);
  if (library !== null && libraryIdentity !== null) {
    writeCache(directory, key, { ...built, library, libraryIdentity });
  }
  return { ...built, library };
}

/** Loaded on demand: a filter from the cache does not need it. */
const builder = lazy<typeof import("./build.ts")>(() => require("./build.ts"));

/**
 * Everything that a filter depends on besides libseccomp, whose identity is in the entry: brun's stub, the
 * machine, and the rules. The kernel is not part of it. It only decides whether libseccomp accepts an action, and
 * the oldest kernel for brun has all of them.
 */
function cacheKey(seccomp: Seccomp, failUnknown: boolean): string {
  const rules = { ...seccomp, flags: undefined, listenerPath: undefined, listenerMetadata: undefined };
  return `${STUB_VERSION} ${process.arch} ${failUnknown}\n${stringify(rules)}`;
}

function stringify(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    // Values beyond 2^53 are bigints, which JSON.stringify refuses. The replacer is slower, so it is used only then.
    return JSON.stringify(value, (_, v: unknown) => (typeof v === "bigint" ? `${v}n` : v));
  }
}
