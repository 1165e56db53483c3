/** The seccomp filter of a container: from the cache, or compiled by libseccomp. */
import { tryStat, variable } from "../host/ask.ts";
import { asking, isRecording, uncacheable } from "../host/recorder.ts";
import type { Seccomp } from "../spec/seccomp.ts";
import { lazy } from "../sys/lazy.ts";
import { each } from "../sys/lists.ts";
import { fileIdentity, loadedLibrary, readCache, writeCache } from "./cache.ts";
import { filterFlags } from "./flags.ts";

/** Of the stub in enosys.ts; change it when that changes: filters cached with another one are compiled anew. */
const STUB_VERSION = 1;

/** How to compile. */
export interface SeccompOptions {
  /** Directory of the cache, made when it is not there; without it every filter is compiled. */
  readonly cacheDirectory?: string | undefined;
  /** Annotation run.oci.seccomp_fail_unknown_syscall: an unknown system call is an error. */
  readonly failUnknown?: boolean | undefined;
}

/** A filter, ready for seccomp(SECCOMP_SET_MODE_FILTER). */
export interface CompiledSeccomp {
  /** An array of struct sock_filter. */
  readonly bpf: Uint8Array;
  /** SECCOMP_FILTER_FLAG_*, with NEW_LISTENER when `notify`. */
  readonly flags: number;
  /** seccomp(2) returns the descriptor of a listener, for the agent at linux.seccomp.listenerPath. */
  readonly notify: boolean;
  /** One line each: what of the profile is ignored. */
  readonly warnings: readonly string[];
  /**
   * One line each, for `--debug` and `brun explain`: system calls that libseccomp does not know, rules and flags
   * that have no effect. The default profiles of docker and podman have both, so they are no warnings.
   */
  readonly notes: readonly string[];
  /** Path of the libseccomp that made the filter, now or when it was cached; null when that is not known. */
  readonly library: string | null;
}

/**
 * Compiles linux.seccomp (runtime-spec, config-linux.md#seccomp). Throws a BrunError: libseccomp is not
 * installed, or it refuses an architecture, an action or a rule.
 */
export function compileSeccomp(seccomp: Seccomp, options: SeccompOptions = {}): CompiledSeccomp {
  const { flags, notify, warnings, notes } = filterFlags(seccomp);
  const failUnknown = options.failUnknown ?? false;
  // The cache's own checks say whether a filter in it is good: what is asked here is which libseccomp there is.
  const made = asking(() => cached(options.cacheDirectory, seccomp, failUnknown));
  const { bpf, library } = made;
  recordLibrary(library);
  return { bpf, flags, notify, warnings, notes: [...notes, ...made.notes], library };
}

/** By what the dynamic loaders of glibc and musl find a library besides its path (ld.so(8)). */
const LOADER_FILES = ["/etc/ld.so.cache", `/etc/ld-musl-${machine()}.path`] as const;

function machine(): string {
  return process.arch === "arm64" ? "aarch64" : "x86_64";
}

/** Keeps as inputs the library, and what decides that it is this one. */
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

/** What a filter in the cache does not need: libseccomp and all that is done with it. */
const builder = lazy<typeof import("./build.ts")>(() => require("./build.ts"));

/**
 * All that a filter depends on besides libseccomp, whose identity is in the entry: our stub, the machine, the
 * rules. Not the kernel: it only decides whether libseccomp takes an action, and brun's oldest has them all.
 */
function cacheKey(seccomp: Seccomp, failUnknown: boolean): string {
  const rules = { ...seccomp, flags: undefined, listenerPath: undefined, listenerMetadata: undefined };
  return `${STUB_VERSION} ${process.arch} ${failUnknown}\n${stringify(rules)}`;
}

function stringify(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    // Values beyond 2^53 are bigints, which JSON has no form for; a replacer costs more, so only then.
    return JSON.stringify(value, (_, v: unknown) => (typeof v === "bigint" ? `${v}n` : v));
  }
}
