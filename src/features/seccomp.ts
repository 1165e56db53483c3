/** Seccomp in `brun features`: names from the schema of config.json, and those of them that the machine knows. */
import { FILTER_FLAG } from "../seccomp/flags.ts";
import { libseccomp } from "../seccomp/library.ts";
import { SeccompSchema, SyscallArgSchema, SyscallSchema } from "../spec/seccomp.ts";
import { E } from "../sys/errno.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { installedLibseccomp } from "./libseccomp.ts";

/** features-linux.md#seccomp. */
export interface SeccompFeatures {
  readonly enabled: boolean;
  readonly actions?: readonly string[];
  readonly operators?: readonly string[];
  readonly archs?: readonly string[];
  readonly knownFlags?: readonly string[];
  readonly supportedFlags?: readonly string[];
}

const SECCOMP_SET_MODE_FILTER = 1;

/** Flags that the kernel must know. TSYNC is not among them: the filter is installed in a single thread. */
const KERNEL_FLAGS: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_LOG: FILTER_FLAG.LOG,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: FILTER_FLAG.SPEC_ALLOW,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: FILTER_FLAG.WAIT_KILLABLE_RECV | FILTER_FLAG.NEW_LISTENER,
};

/** Whether the kernel knows the flag: it then fails only when it reads the filter (EFAULT). */
function flagSupported(flag: string): boolean {
  const bits = KERNEL_FLAGS[flag] ?? 0;
  return syscall(NR.seccomp, SECCOMP_SET_MODE_FILTER, bits, null) === -E.EFAULT;
}

/** The seccomp features here; empty without libseccomp. */
export function seccompFeatures(): SeccompFeatures {
  if (installedLibseccomp() === undefined) return { enabled: false };
  const lib = libseccomp();
  const { architectures, flags } = SeccompSchema.entries;
  const archKnown = (arch: string) =>
    lib.seccomp_arch_resolve_name(cstr(arch.slice("SCMP_ARCH_".length).toLowerCase())) !== 0;
  const knownFlags = flags.wrapped.item.options;
  return {
    enabled: true,
    actions: [...SyscallSchema.entries.action.options].sort(),
    operators: [...SyscallArgSchema.entries.op.options].sort(),
    archs: architectures.wrapped.item.options.filter(archKnown).sort(),
    knownFlags,
    supportedFlags: knownFlags.filter(flagSupported),
  };
}
