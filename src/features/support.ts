/**
 * What this version of brun does of those parts of the runtime-spec that `brun features` answers with yes or no.
 * True here means that the code is there, as in runc, whether the machine has the thing or not.
 */
export const SUPPORT = {
  cgroup: { v1: true, v2: true, systemd: true, systemdUser: true, rdma: true },
  apparmor: true,
  selinux: true,
  intelRdt: { enabled: true, schemata: true, monitoring: true },
  netDevices: true,
  checkpoint: true,
} as const;
