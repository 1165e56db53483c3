/**
 * The optional parts of the runtime-spec that this version of brun implements. As in runc, true means that the
 * code exists, even if this machine lacks the feature.
 */
export const SUPPORT = {
  cgroup: { v1: true, v2: true, systemd: true, systemdUser: true, rdma: true },
  apparmor: true,
  selinux: true,
  intelRdt: { enabled: true, schemata: true, monitoring: true },
  netDevices: true,
  checkpoint: true,
} as const;
