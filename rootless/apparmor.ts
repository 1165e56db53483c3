/** Explains refusals by AppArmor: Ubuntu's restriction of user namespaces, or a profile around brun. */
import { advice, runAsRoot } from "../src/fix.ts";
import type { Diagnosis, HostView } from "./host-view.ts";

/** The profile that Ubuntu 24.04 and later give a program without a profile in a user namespace. */
const RESTRICTED = "unprivileged_userns";
const CAP_SYS_ADMIN = 21n;

/**
 * Explains the restriction of user namespaces (Ubuntu 23.10 and later,
 * `kernel.apparmor_restrict_unprivileged_userns`). Either the namespace is refused, or each capability in it is
 * denied, with EPERM or (by mount(2)) EACCES. Null if brun is not restricted. The fix gives brun a profile, since
 * lifting the restriction for all programs would weaken the machine.
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
  if (label !== null && label.mode !== null) return null; // brun has a profile
  if (maySysAdmin(host)) return null; // CAP_SYS_ADMIN is not restricted
  return {
    cause: "AppArmor denies user namespaces to programs without a profile",
    fix: runAsRoot(profileCommand(host.executable), ", once"),
  };
}

/**
 * Explains a profile that is enforced on brun, such as docker's for its containers. It denies with
 * EACCES. Null without one.
 */
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

/**
 * The command with which root allows a program to make user namespaces: it installs a profile that confines
 * nothing. examples/apparmor/brun is its long form.
 */
export function profileCommand(executable: string): string {
  // In AppArmor "?" stands for any character of a file name. So nothing has to be quoted for AppArmor or the shell.
  const path = executable.replace(/[^\w./+-]/g, "?");
  const profile = `abi <abi/4.0>, profile brun ${path} flags=(unconfined) { userns, }`;
  return `echo '${profile}' >/etc/apparmor.d/brun && apparmor_parser -r /etc/apparmor.d/brun`;
}

interface Label {
  readonly text: string;
  /** The profile, or all profiles of a stack ("a//&b"). */
  readonly profiles: readonly string[];
  /** "enforce", "complain", "unconfined", …; null without a profile. */
  readonly mode: string | null;
}

/** The label of this process; null if it cannot be read or belongs to another security module. */
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
