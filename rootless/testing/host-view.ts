/** A host made of fixtures, for tests of diagnoses. */
import type { HostView } from "../host-view.ts";

export const rootMount = "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw\n";
export const procMount = "22 27 0:21 / /proc rw,nosuid shared:5 - proc proc rw\n";

/** A host without faults, except for the given files and identities. */
export function host(files: Record<string, string>, identities: Record<string, string> = {}): HostView {
  const all: Record<string, string> = {
    "/proc/self/mountinfo": rootMount + procMount,
    "/proc/self/status": "Name:\tbrun\nSeccomp:\t0\n",
    "/proc/self/uid_map": "         0          0 4294967295\n",
    "/proc/self/gid_map": "         0          0 4294967295\n",
    "/proc/sys/user/max_user_namespaces": "63000\n",
    ...files,
  };
  const ids: Record<string, string> = { "/proc/self/ns/user": "4:1", ...identities };
  return {
    ...{ uid: 1000, gid: 1000, executable: "/usr/bin/brun" },
    read: (path) => all[path] ?? null,
    identity: (path) => ids[path] ?? null,
  };
}
