import type { Spec } from "../spec.ts";
import { cases, without } from "../testing/cases.ts";

const sysctl = (key: string, remove?: string) => (s: Spec) => {
  s.linux.sysctl = { [key]: "1" };
  if (remove !== undefined) without(s, remove);
};

cases("sysctl", [
  ["net", sysctl("net.ipv4.ip_forward")],
  ["net with slashes", sysctl("net/ipv4/conf/eth0.100/forwarding")],
  [
    "net of the host",
    sysctl("net.ipv4.ip_forward", "network"),
    '! linux.sysctl["net.ipv4.ip_forward"]: needs a network namespace in linux.namespaces',
  ],
  ["ipc", sysctl("kernel.shm_rmid_forced")],
  [
    "ipc of the host",
    sysctl("kernel.sem", "ipc"),
    '! linux.sysctl["kernel.sem"]: needs an ipc namespace in linux.namespaces',
  ],
  [
    "mqueue of the host",
    sysctl("fs/mqueue/msg_max", "ipc"),
    '! linux.sysctl["fs/mqueue/msg_max"]: needs an ipc namespace in linux.namespaces',
  ],
  ["domainname", sysctl("kernel.domainname")],
  [
    "domainname, twice the same",
    (s) => {
      s.domainname = "example.org";
      s.linux.sysctl = { "kernel/domainname": "example.org" };
    },
  ],
  [
    "domainname, twice",
    (s) => {
      s.domainname = "example.org";
      s.linux.sysctl = { "kernel/domainname": "example.net" };
    },
    '! linux.sysctl["kernel/domainname"]: is "example.net", but the field domainname is not',
  ],
  [
    "hostname",
    sysctl("kernel.hostname"),
    '! linux.sysctl["kernel.hostname"]: is what the field hostname sets',
    "! use that",
  ],
  [
    "user",
    sysctl("user.max_net_namespaces"),
    '! linux.sysctl["user.max_net_namespaces"]: needs a user namespace in linux.namespaces',
  ],
  [
    "of the host",
    sysctl("vm.swappiness"),
    '! linux.sysctl["vm.swappiness"]: is not in a namespace, it would change the host',
  ],
  [
    "out of a namespace",
    sysctl("net/../kernel/core_pattern"),
    '! linux.sysctl["net/../kernel/core_pattern"]: is not a name of a sysctl',
  ],
  [
    "out of a namespace, with dots",
    sysctl("net.//.kernel.core_pattern"),
    '! linux.sysctl["net.//.kernel.core_pattern"]: is not a name of a sysctl',
  ],
  ["empty", sysctl(""), '! linux.sysctl[""]: is not a name of a sysctl'],
]);
