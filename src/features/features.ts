/**
 * `brun features` (runtime-spec features.md and features-linux.md), with runc's fields in runc's order. Lists come
 * from the code that acts on them, so that only implemented features are claimed.
 */
import { mountOptionNames } from "../config/mount-options.ts";
import { HooksSchema } from "../spec/hooks.ts";
import { MemoryPolicySchema, NAMESPACES } from "../spec/linux.ts";
import { OCI_VERSION_MAX, OCI_VERSION_MIN } from "../spec/version.ts";
import { CAPABILITIES } from "../sys/constants.ts";
import { installedLibseccomp } from "./libseccomp.ts";
import { type SeccompFeatures, seccompFeatures } from "./seccomp.ts";
import { SUPPORT } from "./support.ts";

interface Enabled {
  readonly enabled: boolean;
}

/** What this brun supports (features.md). */
export interface Features {
  readonly ociVersionMin: string;
  readonly ociVersionMax: string;
  readonly hooks: readonly string[];
  readonly mountOptions: readonly string[];
  readonly linux: {
    readonly namespaces: readonly string[];
    readonly capabilities: readonly string[];
    readonly cgroup: Readonly<Record<"v1" | "v2" | "systemd" | "systemdUser" | "rdma", boolean>>;
    readonly seccomp: SeccompFeatures;
    readonly apparmor: Enabled;
    readonly selinux: Enabled;
    readonly intelRdt: Enabled & { readonly schemata: boolean; readonly monitoring: boolean };
    readonly memoryPolicy: { readonly modes: readonly string[]; readonly flags: readonly string[] };
    readonly mountExtensions: { readonly idmap: Enabled };
    readonly netDevices: Enabled;
  };
  readonly annotations: Readonly<Record<string, string>>;
  readonly potentiallyUnsafeConfigAnnotations: readonly string[];
}

/** The runc release whose command line and output brun has. */
const RUNC_VERSION = "1.4.0";

/** The features of this brun on this machine. */
export function features(): Features {
  const mountOptions = mountOptionNames();
  const libseccomp = installedLibseccomp();
  return {
    ociVersionMin: OCI_VERSION_MIN,
    ociVersionMax: OCI_VERSION_MAX,
    hooks: Object.keys(HooksSchema.entries),
    mountOptions,
    linux: {
      namespaces: [...NAMESPACES].sort(),
      capabilities: CAPABILITIES,
      cgroup: SUPPORT.cgroup,
      seccomp: seccompFeatures(),
      apparmor: { enabled: SUPPORT.apparmor },
      selinux: { enabled: SUPPORT.selinux },
      intelRdt: SUPPORT.intelRdt,
      memoryPolicy: {
        modes: [...MemoryPolicySchema.entries.mode.options].sort(),
        flags: [...MemoryPolicySchema.entries.flags.wrapped.item.options].sort(),
      },
      mountExtensions: { idmap: { enabled: mountOptions.includes("idmap") } },
      netDevices: { enabled: SUPPORT.netDevices },
    },
    annotations: {
      ...(libseccomp === undefined ? {} : { "io.github.seccomp.libseccomp.version": libseccomp }),
      "org.opencontainers.runc.checkpoint.enabled": `${SUPPORT.checkpoint}`,
      "org.opencontainers.runc.version": RUNC_VERSION,
    },
    // These set properties of the unit, take descriptors, write files, or choose a configuration.
    potentiallyUnsafeConfigAnnotations: ["org.systemd.property.", "run.oci.", "org.criu.config"],
  };
}
