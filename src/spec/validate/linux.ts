/** Rules of `linux` (runtime-spec, config-linux.md; runc's validator). */
import { show } from "../json.ts";
import type { Linux, Namespace, NamespaceType } from "../linux.ts";
import { validateDevices, validateNetDevices } from "./devices.ts";
import type { Findings, Mistake } from "./findings.ts";
import { validateMappings } from "./mappings.ts";
import { validateIntelRdt, validateMemoryPolicy } from "./placement.ts";
import { validateResources } from "./resources.ts";
import { validateSeccomp } from "./seccomp.ts";
import { validateSysctl } from "./sysctl.ts";

/** The namespaces of a container by type. */
export type NamespaceSet = { readonly [Type in NamespaceType]?: Namespace };

/** The namespaces by type. Reports those that are listed twice. */
export function namespaceSet(namespaces: readonly Namespace[] | undefined, errors: Mistake[]): NamespaceSet {
  const set: { [Type in NamespaceType]?: Namespace } = {};
  if (namespaces === undefined) return set;
  for (let i = 0; i < namespaces.length; i++) {
    const { type, path } = namespaces[i]!;
    if (set[type] !== undefined)
      errors.push({ path: `linux.namespaces[${i}].type`, text: `${type} is listed twice` });
    set[type] = namespaces[i]!;
    if (path && !path.startsWith("/")) {
      errors.push({
        path: `linux.namespaces[${i}].path`,
        text: `expected an absolute path but found ${show(path)}`,
      });
    }
  }
  return set;
}

/** Checks a linux section, whose types the schema has checked; `addsUserNamespace` as in validateSpec. */
export function validateLinux(
  linux: Linux,
  namespaces: NamespaceSet,
  addsUserNamespace: boolean,
  findings: Findings,
): void {
  const { errors, warnings } = findings;
  validateUser(linux, namespaces, addsUserNamespace, errors);
  const { maskedPaths, readonlyPaths, cgroupsPath, personality } = linux;
  if (namespaces.mount === undefined) {
    if (maskedPaths?.length)
      errors.push({ path: "linux.maskedPaths", text: "needs a mount namespace in linux.namespaces" });
    if (readonlyPaths?.length)
      errors.push({ path: "linux.readonlyPaths", text: "needs a mount namespace in linux.namespaces" });
  }
  if (linux.timeOffsets !== undefined) validateTime(linux, namespaces, errors);
  if (linux.sysctl !== undefined) {
    validateSysctl(linux.sysctl, namespaces, namespaces.user !== undefined || addsUserNamespace, errors);
  }
  if (linux.devices !== undefined) validateDevices(linux.devices, findings);
  if (linux.netDevices !== undefined) validateNetDevices(linux.netDevices, namespaces, errors);
  if (linux.resources !== undefined) validateResources(linux.resources, findings);
  if (linux.seccomp !== undefined) validateSeccomp(linux.seccomp, errors);
  if (linux.intelRdt !== undefined) validateIntelRdt(linux.intelRdt, findings);
  if (linux.memoryPolicy !== undefined) validateMemoryPolicy(linux.memoryPolicy, errors);
  if (cgroupsPath?.includes("..") && cgroupsPath.split("/").includes("..")) {
    errors.push({
      path: "linux.cgroupsPath",
      text: `expected a path without .. but found ${show(cgroupsPath)}`,
    });
  }
  if (linux.mountLabel?.includes('"')) {
    errors.push({
      path: "linux.mountLabel",
      text: `expected a label without quotes but found ${show(linux.mountLabel)}`,
    });
  }
  if (personality?.flags?.length) warnings.push("linux.personality.flags: ignored, none is defined");
}

function validateUser(linux: Linux, namespaces: NamespaceSet, adds: boolean, errors: Mistake[]): void {
  const { uidMappings, gidMappings } = linux;
  if (uidMappings !== undefined) validateMappings(uidMappings, "linux.uidMappings", errors);
  if (gidMappings !== undefined) validateMappings(gidMappings, "linux.gidMappings", errors);
  if (adds) return;
  const mapped = uidMappings?.length ? "uidMappings" : gidMappings?.length ? "gidMappings" : undefined;
  if (namespaces.user === undefined) {
    if (mapped !== undefined)
      errors.push({ path: `linux.${mapped}`, text: "needs a user namespace in linux.namespaces" });
  } else if (mapped === undefined && !namespaces.user.path) {
    errors.push({
      path: "linux.uidMappings",
      text: "missing, a new user namespace needs uidMappings and gidMappings",
    });
  }
}

/** The rules of time_namespaces(7). */
function validateTime(linux: Linux, namespaces: NamespaceSet, errors: Mistake[]): void {
  const clocks = Object.entries(linux.timeOffsets ?? {});
  if (clocks.length === 0) return;
  if (namespaces.time === undefined)
    errors.push({ path: "linux.timeOffsets", text: "needs a time namespace in linux.namespaces" });
  if (namespaces.time?.path)
    errors.push({ path: "linux.timeOffsets", text: "cannot be set in the time namespace that is joined" });
  for (const [clock, offset] of clocks) {
    if (clock !== "monotonic" && clock !== "boottime") {
      errors.push({
        path: "linux.timeOffsets",
        text: `expected the clocks monotonic and boottime but found ${show(clock)}`,
      });
    } else if (offset?.nanosecs !== undefined && offset.nanosecs > 999_999_999) {
      errors.push({
        path: `linux.timeOffsets.${clock}.nanosecs`,
        text: `expected at most 999999999 but found ${offset.nanosecs}`,
      });
    }
  }
}
