/** Seccomp as `brun features` describes it: names from the schema of config.json, flags asked of the kernel. */
import { SeccompSchema, SyscallArgSchema, SyscallSchema } from "../spec/seccomp.ts";
import { E } from "../sys/errno.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { libseccompVersion } from "./libseccomp.ts";
import { SUPPORT } from "./support.ts";

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
const NEW_LISTENER = 1 << 3;

/** Flags of seccomp(2); WAIT_KILLABLE_RECV (Linux 5.19) is only valid with NEW_LISTENER. */
const FLAG_BITS: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 1 << 0,
  SECCOMP_FILTER_FLAG_LOG: 1 << 1,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 1 << 2,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: (1 << 5) | NEW_LISTENER,
};

/** Whether the kernel knows a flag: it then gets as far as reading the filter, which is at no address. */
function kernelKnows(flag: string): boolean {
  const bits = FLAG_BITS[flag];
  return bits !== undefined && syscall(NR.seccomp, SECCOMP_SET_MODE_FILTER, bits, 0) === -E.EFAULT;
}

/** What brun can filter here; nothing without libseccomp. */
export function seccompFeatures(): SeccompFeatures {
  if (libseccompVersion() === undefined) return { enabled: false };
  const { architectures, flags } = SeccompSchema.entries;
  const knownFlags = flags.wrapped.item.options;
  const actions = SyscallSchema.entries.action.options;
  return {
    enabled: true,
    actions: actions.filter((action) => action !== "SCMP_ACT_NOTIFY" || SUPPORT.seccompNotify).sort(),
    operators: [...SyscallArgSchema.entries.op.options].sort(),
    archs: [...architectures.wrapped.item.options].sort(),
    knownFlags,
    supportedFlags: knownFlags.filter(kernelKnows),
  };
}
