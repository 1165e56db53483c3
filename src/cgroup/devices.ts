/**
 * Rules of the device controller, reduced to a default and its exceptions. v1 keeps them in this form in
 * devices.allow and devices.deny (kernel, Documentation/admin-guide/cgroup-v1/devices.rst), and a v2 program is
 * compiled from it.
 */
import { BrunError } from "../errors.ts";
import type { Device, DeviceCgroup } from "../spec/index.ts";

/** Access bits in the kernel's numbering (BPF_DEVCG_ACC_*). */
export const ACCESS = { m: 1, r: 2, w: 4 } as const;
export const ALL_ACCESS = 7;

/** Any major or minor number. */
export const ANY_NUMBER = -1;

/** Devices for which some accesses differ from the default. */
export interface DeviceException {
  readonly type: "b" | "c";
  readonly major: number;
  readonly minor: number;
  /** ACCESS bits. */
  readonly access: number;
}

/** The accesses to devices that are allowed. */
export interface DeviceFilter {
  readonly defaultAllow: boolean;
  /** If the default is to allow, these accesses are denied; otherwise they are allowed. */
  readonly exceptions: readonly DeviceException[];
}

/** A default rule of runc: [type, major, minor, access, path of its device node]. */
type DefaultRule = readonly ["b" | "c", number, number, string, string?];

/** The rules of runc and crun for every container: mknod of any device, and use of these. */
const DEFAULT_RULES: readonly DefaultRule[] = [
  ["c", ANY_NUMBER, ANY_NUMBER, "m"],
  ["b", ANY_NUMBER, ANY_NUMBER, "m"],
  ["c", 1, 3, "rwm", "/dev/null"],
  ["c", 1, 8, "rwm", "/dev/random"],
  ["c", 1, 7, "rwm", "/dev/full"],
  ["c", 5, 0, "rwm", "/dev/tty"],
  ["c", 1, 5, "rwm", "/dev/zero"],
  ["c", 1, 9, "rwm", "/dev/urandom"],
  ["c", 136, ANY_NUMBER, "rwm"], // pty slaves
  ["c", 5, 2, "rwm"], // /dev/ptmx
  ["c", 10, 200, "rwm"], // /dev/net/tun
];

/**
 * The rules of a container: all is denied, then come the spec's rules in their order, then runc's defaults. A
 * default rule is left out if `linux.devices` replaces its node.
 * @throws BrunError a rule that the device controller cannot express
 */
export function containerFilter(
  rules: readonly DeviceCgroup[] | undefined,
  devices: readonly Device[] | undefined,
): DeviceFilter {
  const replaced = new Set((devices ?? []).map((device) => device.path));
  const defaults = DEFAULT_RULES.filter(([, , , , path]) => path === undefined || !replaced.has(path));
  return deviceFilter([
    ...(rules ?? []),
    ...defaults.map(([type, major, minor, access]) => ({ allow: true, type, major, minor, access })),
  ]);
}

/** Reduces rules, beginning with everything denied. Throws a BrunError. */
export function deviceFilter(rules: readonly DeviceCgroup[]): DeviceFilter {
  let defaultAllow = false;
  let exceptions = new Map<string, DeviceException>();
  rules.forEach((rule, i) => {
    const type = rule.type || "a";
    if (type === "a") {
      defaultAllow = rule.allow;
      exceptions = new Map();
      return;
    }
    const { major = ANY_NUMBER, minor = ANY_NUMBER } = rule;
    const device = { type: type as "b" | "c", major, minor, access: accessBits(rule.access ?? "") };
    const where = `linux.resources.devices[${i}]`;
    if (rule.allow === defaultAllow) takeAway(exceptions, device, where);
    else add(exceptions, device);
  });
  return { defaultAllow, exceptions: [...exceptions.values()] };
}

function keyOf(device: DeviceException): string {
  return `${device.type} ${device.major}:${device.minor}`;
}

function add(exceptions: Map<string, DeviceException>, device: DeviceException): void {
  const access = device.access | (exceptions.get(keyOf(device))?.access ?? 0);
  exceptions.set(keyOf(device), { ...device, access });
}

/** Denying part of a wildcard is refused, as by runc: the kernel would ignore it silently. */
function takeAway(exceptions: Map<string, DeviceException>, device: DeviceException, where: string): void {
  for (const wider of [
    { ...device, major: ANY_NUMBER },
    { ...device, minor: ANY_NUMBER },
    { ...device, major: ANY_NUMBER, minor: ANY_NUMBER },
  ]) {
    if (keyOf(wider) === keyOf(device)) continue;
    if (((exceptions.get(keyOf(wider))?.access ?? 0) & device.access) === 0) continue;
    throw new BrunError(`${ruleText(device)} cannot be taken out of an earlier rule for ${ruleText(wider)}`, {
      where,
      hint: "the device controller has no exceptions to wildcards: name the devices one by one",
    });
  }
  const access = (exceptions.get(keyOf(device))?.access ?? 0) & ~device.access;
  if (access === 0) exceptions.delete(keyOf(device));
  else exceptions.set(keyOf(device), { ...device, access });
}

function accessBits(access: string): number {
  let bits = 0;
  for (const letter of access) bits |= ACCESS[letter as keyof typeof ACCESS] ?? 0;
  return bits;
}

/** A rule in the format of devices.allow: "c 1:3 rwm". */
export function ruleText(device: DeviceException): string {
  const number = (n: number) => (n === ANY_NUMBER ? "*" : `${n}`);
  const access = (["r", "w", "m"] as const)
    .filter((letter) => (device.access & ACCESS[letter]) !== 0)
    .join("");
  return `${device.type} ${number(device.major)}:${number(device.minor)} ${access}`;
}
