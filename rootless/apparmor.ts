/** What AppArmor has to do with a refusal: Ubuntu's restriction of user namespaces, or a profile around brun. */
import { advice, runAsRoot } from "../src/fix.ts";
import type { Diagnosis, HostView } from "./host-view.ts";

/** The profile that Ubuntu 24.04 and later put on what a program without one does in a user namespace. */
const RESTRICTED = "unprivileged_userns";
const CAP_SYS_ADMIN = 21n;

/**
 * The restriction of user namespaces (Ubuntu 23.10 and later, `kernel.apparmor_restrict_unprivileged_userns`): the namespace
 * is refused, or it is made and each capability in it is denied, with EPERM or, by mount(2), EACCES. Null when brun is not
 * under it. The fix gives brun a profile: to lift the restriction for all programs would weaken the machine.
 */
export function explainRestriction(host: HostView): Diagnosis | null {
  const label = labelOf(host);
  if (label?.profiles.includes(RESTRICTED)) {
    return {
      cause: `brun was started in a user namespace of a program without an AppArmor profile (it is under ${label.text})`,
      fix: advice("start brun outside of it, or give that program a profile with the rule userns"),
    };
  }
  if (host.read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")?.trim() !== "1") return null;
  if (label !== null && label.mode !== null) return null; // a profile of its own
  if (maySysAdmin(host)) return null; // CAP_SYS_ADMIN is not restricted
  return {
    cause: "AppArmor denies user namespaces to programs without a profile",
    fix: runAsRoot(profileCommand(host.executable), ", once"),
  };
}

/** A profile that is enforced on brun, as docker's on what it starts: what it does not allow fails with EACCES. Else null. */
export function explainConfinement(host: HostView): Diagnosis | null {
  const label = labelOf(host);
  if (label === null || label.mode === null || !/^(enforce|kill|mixed)$/.test(label.mode)) return null;
  return {
    cause: `the AppArmor profile ${label.profiles.join(" and ")} confines brun`,
    fix: advice(
      "let the profile allow what brun does (userns, mount, umount, pivot_root, capability), or start the outer container with --security-opt apparmor=unconfined",
    ),
  };
}

/** What root runs once to give a program user namespaces: a profile that confines nothing. examples/apparmor/brun is its long form. */
export function profileCommand(executable: string): string {
  // AppArmor's "?" is any character of a file name: so nothing has to be quoted, for it and for the shell.
  const path = executable.replace(/[^\w./+-]/g, "?");
  const profile = `abi <abi/4.0>, profile brun ${path} flags=(unconfined) { userns, }`;
  return `echo '${profile}' >/etc/apparmor.d/brun && apparmor_parser -r /etc/apparmor.d/brun`;
}

interface Label {
  readonly text: string;
  /** Of a stack, "a//&b", all. */
  readonly profiles: readonly string[];
  /** "enforce", "complain", "unconfined", …; null without a profile. */
  readonly mode: string | null;
}

/** The label of this process; null when it cannot be read or is another security module's. */
function labelOf(host: HostView): Label | null {
  const read = host.read("/proc/self/attr/apparmor/current") ?? host.read("/proc/self/attr/current");
  const text = read?.replace(/[\0\n]+$/, "");
  if (text === "unconfined") return { text, profiles: [], mode: null };
  const match = /^(.+) \(([a-z]+)\)$/.exec(text ?? "");
  return match === null ? null : { text: text!, profiles: match[1]!.split("//&"), mode: match[2]! };
}

function maySysAdmin(host: HostView): boolean {
  const set = /^CapEff:\s*([0-9a-f]+)$/m.exec(host.read("/proc/self/status") ?? "")?.[1];
  return set !== undefined && ((BigInt(`0x${set}`) >> CAP_SYS_ADMIN) & 1n) === 1n;
}
