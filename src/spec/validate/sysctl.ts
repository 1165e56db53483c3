/** Rules of `linux.sysctl`: only parameters of the container's namespaces are allowed, as in runc. */
import { joinPath, show } from "../json.ts";
import type { Mistake } from "./findings.ts";
import type { NamespaceSet } from "./linux.ts";

/** sysctls of the ipc namespace besides fs.mqueue.*. */
const IPC = [
  "kernel.msgmax",
  "kernel.msgmnb",
  "kernel.msgmni",
  "kernel.sem",
  "kernel.shmall",
  "kernel.shmmax",
  "kernel.shmmni",
  "kernel.shm_rmid_forced",
];

/** Checks that each parameter belongs to a namespace that the container does not share with the host. */
export function validateSysctl(
  sysctl: Readonly<Record<string, string>>,
  namespaces: NamespaceSet,
  userNamespace: boolean,
  errors: Mistake[],
): void {
  for (const key in sysctl) {
    const problem = refusal(dotted(key), namespaces, userNamespace);
    if (problem !== null) errors.push({ path: `${joinPath("linux.sysctl", key)}`, text: problem });
  }
}

/** Checks that a parameter does not contradict the field domainname. */
export function validateDomainname(
  domainname: string,
  sysctl: Readonly<Record<string, string>>,
  errors: Mistake[],
): void {
  for (const key in sysctl) {
    if (dotted(key) !== "kernel.domainname" || sysctl[key] === domainname) continue;
    errors.push({
      path: `${joinPath("linux.sysctl", key)}`,
      text: `is ${show(sysctl[key])}, but the field domainname is not`,
    });
  }
}

function refusal(name: string, namespaces: NamespaceSet, userNamespace: boolean): string | null {
  if (name.split(".").some((part) => part === "" || part.startsWith("/"))) return "is not a name of a sysctl";
  const needs = (type: string) => `needs a ${type} namespace in linux.namespaces`;
  if (IPC.includes(name) || name.startsWith("fs.mqueue.")) {
    return namespaces.ipc === undefined ? "needs an ipc namespace in linux.namespaces" : null;
  }
  if (name.startsWith("net.")) return namespaces.network === undefined ? needs("network") : null;
  if (name === "kernel.domainname") return namespaces.uts === undefined ? needs("uts") : null;
  if (name === "kernel.hostname") return "is what the field hostname sets; use that";
  if (name.startsWith("user.")) return userNamespace ? null : needs("user");
  return "is not in a namespace, it would change the host";
}

/**
 * A name with dots as separators. In a name with slashes as separators, dots belong to the parts (sysctl.d(5)):
 * "net/ipv4/conf/eno2.100/rp_filter" is "net.ipv4.conf.eno2/100.rp_filter".
 */
function dotted(key: string): string {
  const first = key.search(/[./]/);
  if (first < 0 || key[first] === ".") return key;
  return key.replace(/[./]/g, (c) => (c === "." ? "/" : "."));
}
