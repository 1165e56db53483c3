/** AppArmor and SELinux: whether this kernel has what a config asks for. */
import { BrunError } from "../../errors.ts";
import { exists, readTextIfThere } from "../../host/ask.ts";
import type { Process } from "../../spec/index.ts";

/** AppArmor decides here. */
function hasAppArmor(): boolean {
  const enabled = readTextIfThere("/sys/module/apparmor/parameters/enabled");
  return enabled?.startsWith("Y") ?? false;
}

/** SELinux decides here. */
function hasSELinux(): boolean {
  return exists("/sys/fs/selinux/enforce");
}

/**
 * Checks labels of a process and of mounts: a container that should be confined must not run without.
 * Throws a BrunError.
 */
export function checkSecurityModules(process: Process, mountLabel: string | undefined): void {
  const { apparmorProfile, selinuxLabel } = process;
  if (apparmorProfile && !hasAppArmor()) {
    throw new BrunError(`the profile ${apparmorProfile} needs AppArmor, which this kernel has not enabled`, {
      where: "process.apparmorProfile",
      hint: "leave it out, or boot with security=apparmor",
    });
  }
  const label = selinuxLabel || mountLabel;
  if (label && !hasSELinux()) {
    throw new BrunError(`the label ${label} needs SELinux, which this kernel has not enabled`, {
      where: selinuxLabel ? "process.selinuxLabel" : "linux.mountLabel",
      hint: "leave it out, or enable SELinux",
    });
  }
}
