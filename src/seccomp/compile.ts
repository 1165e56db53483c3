/** The seccomp filter of a container: from the cache, or compiled by libseccomp. */
import type { Seccomp } from "../spec/seccomp.ts";
import { readText } from "../sys/fs.ts";
import { fileIdentity, readCache, writeCache } from "./cache.ts";
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
  const made = cached(options.cacheDirectory, seccomp, failUnknown);
  const { bpf, library } = made;
  return { bpf, flags, notify, warnings, notes: [...notes, ...made.notes], library };
}

function cached(directory: string | undefined, seccomp: Seccomp, failUnknown: boolean) {
  if (directory === undefined) return { ...loadBuild()(seccomp, failUnknown), library: loadedLibrary() };
  const key = cacheKey(seccomp, failUnknown);
  const found = readCache(directory, key);
  if (found !== null) return found;
  const built = loadBuild()(seccomp, failUnknown);
  const library = loadedLibrary();
  const libraryIdentity = library === null ? null : fileIdentity(library);
  if (library !== null && libraryIdentity !== null) {
    writeCache(directory, key, { ...built, library, libraryIdentity });
  }
  return { ...built, library };
}

/** What a filter in the cache does not need: libseccomp and all that is done with it. */
function loadBuild(): typeof import("./build.ts").build {
  return (require("./build.ts") as typeof import("./build.ts")).build;
}

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

/** Path of the libseccomp that this process has loaded. */
function loadedLibrary(): string | null {
  return /(\/\S*\/libseccomp\.so\.2\S*)$/m.exec(readText("/proc/self/maps"))?.[1] ?? null;
}
