/**
 * What this version of brun does of those parts of the runtime-spec that `brun features` answers with yes or no.
 * True here means that the code is there, as in runc, whether the machine has the thing or not.
 */
export const SUPPORT = {
  cgroup: { v1: true, v2: true, systemd: false, systemdUser: false, rdma: true },
  apparmor: false,
  selinux: false,
  intelRdt: { enabled: false, schemata: false, monitoring: false },
  netDevices: false,
  checkpoint: false,
} as const;
