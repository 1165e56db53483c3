/** Rules of `linux.devices` and `linux.netDevices` (runtime-spec, config-linux.md). */
import { joinPath, show } from "../json.ts";
import type { Device, Linux } from "../linux.ts";
import type { Findings, Mistake } from "./findings.ts";
import type { NamespaceSet } from "./linux.ts";

/** The ranges of Linux's dev_t: 12 bits and 20 bits. */
const MAJORS = 4096;
const MINORS = 1048576;

/** Checks devices, whose types the schema has checked. The same device twice at one path is harmless. */
export function validateDevices(devices: readonly Device[], findings: Findings): void {
  const { errors, notes } = findings;
  const seen = new Map<string, Device>();
  for (let i = 0; i < devices.length; i++) {
    const device = devices[i]!;
    const { path, type, major, minor } = device;
    if (!path.startsWith("/")) {
      errors.push({
        path: `linux.devices[${i}].path`,
        text: `expected an absolute path but found ${show(path)}`,
      });
    }
    if (major >= MAJORS)
      errors.push({
        path: `linux.devices[${i}].major`,
        text: `expected at most ${MAJORS - 1} but found ${major}`,
      });
    if (minor >= MINORS)
      errors.push({
        path: `linux.devices[${i}].minor`,
        text: `expected at most ${MINORS - 1} but found ${minor}`,
      });
    const other = seen.get(path);
    seen.set(path, device);
    if (other === undefined) continue;
    if (sameType(other.type, type) && other.major === major && other.minor === minor) {
      notes.push(`linux.devices[${i}].path: ${path} is listed twice`);
    } else {
      errors.push({
        path: `linux.devices[${i}].path`,
        text: `${path} is listed twice, as different devices`,
      });
    }
  }
}

/** "u" is an unbuffered character device, which is the same as "c" on Linux (mknod(1)). */
function sameType(a: string, b: string): boolean {
  return a === b || (a !== "b" && a !== "p" && b !== "b" && b !== "p");
}

/** Checks the network devices to move. A name may end in %d, which the kernel replaces by a number. */
export function validateNetDevices(
  devices: NonNullable<Linux["netDevices"]>,
  namespaces: NamespaceSet,
  errors: Mistake[],
): void {
  const entries = Object.entries(devices);
  if (entries.length > 0 && namespaces.network === undefined) {
    errors.push({ path: "linux.netDevices", text: "needs a network namespace in linux.namespaces" });
  }
  const taken = new Set<string>();
  for (const [host, { name }] of entries) {
    const path = joinPath("linux.netDevices", host);
    if (!isInterfaceName(host)) errors.push({ path, text: "is not a name of a network device" });
    if (name && !isInterfaceName(name)) {
      errors.push({
        path: `${path}.name`,
        text: `expected a name of a network device but found ${show(name)}`,
      });
    }
    const inside = name || host;
    if (taken.has(inside) && !inside.includes("%d")) errors.push({ path, text: `${inside} is there twice` });
    taken.add(inside);
  }
}

/** As the kernel's dev_valid_name. */
function isInterfaceName(name: string): boolean {
  return name !== "." && name !== ".." && /^[^/:\s]{1,15}$/.test(name) && Buffer.byteLength(name) < 16;
}
