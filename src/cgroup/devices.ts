/**
 * Rules of the device controller, reduced to a default and its exceptions: what v1's devices.allow and
 * devices.deny keep (kernel, Documentation/admin-guide/cgroup-v1/devices.rst), and what a v2 program is made from.
 */
import { BrunError } from "../errors.ts";
import type { Device, DeviceCgroup } from "../spec/index.ts";

/** Access bits in the kernel's numbering (BPF_DEVCG_ACC_*). */
export const ACCESS = { m: 1, r: 2, w: 4 } as const;
export const ALL_ACCESS = 7;

/** Any major or minor number. */
export const ANY_NUMBER = -1;

/** Devices of one kind, with the accesses that differ from the default. */
export interface DeviceException {
  readonly type: "b" | "c";
  readonly major: number;
  readonly minor: number;
  /** ACCESS bits. */
  readonly access: number;
}

/** Who may do what with devices. */
export interface DeviceFilter {
  readonly defaultAllow: boolean;
  /** Accesses that are denied when the default is to allow, and the other way round. */
  readonly exceptions: readonly DeviceException[];
}

/** A default rule of runc: [type, major, minor, access, path of the device node that it belongs to]. */
type DefaultRule = readonly ["b" | "c", number, number, string, string?];

/** What runc and crun let every container do: mknod anything, and use these. */
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
 * The rules of a container: nothing, then the spec's in their order, then runc's defaults, except for nodes that
 * the spec's `linux.devices` replaces.
 * @throws BrunError a rule that the device controller cannot keep
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

/** Reduces rules, beginning with all denied. Throws a BrunError. */
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

/** The kernel ignores a hole in a wildcard without a word, so it is refused here, as by runc. */
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

/** "c 1:3 rwm", as devices.allow takes it. */
export function ruleText(device: DeviceException): string {
  const number = (n: number) => (n === ANY_NUMBER ? "*" : `${n}`);
  const access = (["r", "w", "m"] as const)
    .filter((letter) => (device.access & ACCESS[letter]) !== 0)
    .join("");
  return `${device.type} ${number(device.major)}:${number(device.minor)} ${access}`;
}
