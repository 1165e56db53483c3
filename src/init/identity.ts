/** The identity of the container's process: ids, capabilities, no_new_privs (config.md#process). */
import { Hole } from "../plan/file-abi.ts";
import type { Process } from "../spec/index.ts";
import { AMBIENT, CAPABILITIES, PR } from "../sys/constants.ts";
import { hideAgain, type ProcessContext } from "./context.ts";

const CAPABILITY_VERSION_3 = 0x20080522;

const INVERTED = true;

/** Numbers of the capabilities by name. */
const numbers = new Map<string, number>();
for (let i = 0; i < CAPABILITIES.length; i++) numbers.set(CAPABILITIES[i]!, i);

/**
 * A set of capabilities as the low and high 32 bits of capset(2). These are numbers, since bigints would cost a
 * quarter of a millisecond in a cold process.
 */
export interface CapabilitySet {
  readonly low: number;
  readonly high: number;
}

/** The set of these names; src/spec has warned about unknown ones. */
function capabilitySet(names: readonly string[] = []): CapabilitySet {
  let low = 0;
  let high = 0;
  for (const name of names) {
    const number = numbers.get(name);
    if (number === undefined) continue;
    if (number < 32) low |= 1 << number;
    else high |= 1 << (number - 32);
  }
  return { low: low >>> 0, high: high >>> 0 };
}

/** The set as one number, which is exact: capability numbers are far below 53. */
function bitsOf({ low, high }: CapabilitySet): number {
  return high * 4294967296 + low;
}

/**
 * Drops every capability that process.capabilities.bounding lacks. That includes capabilities of newer kernels
 * that brun has no name for.
 */
function boundingSet(x: ProcessContext, process: Process): void {
  x.b.at("process.capabilities.bounding", { kind: "dropBounding" });
  const keep = bitsOf(capabilitySet(process.capabilities?.bounding));
  x.b.bits("prctl", keep, 1, [PR.CAPBSET_DROP, 0, 0, 0], INVERTED);
}

/** setgroups, setgid, setuid. */
function ids(x: ProcessContext, process: Process): void {
  const { b, config } = x;
  const { uid = 0, gid = 0, additionalGids = [] } = process.user ?? {};
  const [user, group] = [b.number(Hole.uid, uid), b.number(Hole.gid, gid)];
  const groups = new Uint32Array(additionalGids);
  b.at("process.user.additionalGids", { kind: "setGroups", value: `${additionalGids}` });
  if (config.setgroups || groups.length > 0) {
    b.sys("setgroups", [groups.length, b.bytes(new Uint8Array(groups.buffer), () => `[${additionalGids}]`)]);
  }
  b.at("process.user.gid", { kind: "setGid", value: `${gid}` });
  b.sys("setresgid", [group, group, group]);
  hideAgain(x);
  b.at("process.user.uid", { kind: "setUid", value: `${uid}` });
  b.sys("setresuid", [user, user, user]);
  hideAgain(x);
}

/** seccomp(2) wants no_new_privs or this capability to be effective. */
const INSTALL_FILTER: CapabilitySet = capabilitySet(["CAP_SYS_ADMIN"]);

/**
 * Capabilities that the process keeps until execve(2). execve computes the effective and permitted sets anew
 * without regard to the old ones.
 */
function untilExecve(x: ProcessContext, process: Process): CapabilitySet {
  return x.config.seccomp && !process.noNewPrivileges ? INSTALL_FILTER : capabilitySet();
}

function union(a: CapabilitySet, b: CapabilitySet): CapabilitySet {
  return { low: (a.low | b.low) >>> 0, high: (a.high | b.high) >>> 0 };
}

/** Sets the permitted, effective, inheritable and ambient capabilities. */
function capabilitySets(x: ProcessContext, process: Process): void {
  const { b } = x;
  const { effective, permitted, inheritable, ambient } = process.capabilities ?? {};
  const kept = untilExecve(x, process);
  const e = union(capabilitySet(effective), kept);
  const own = capabilitySet(permitted);
  const p = union(own, kept);
  const i = capabilitySet(inheritable);
  const data = new Uint32Array([e.low, p.low, i.low, e.high, p.high, i.high]);
  const header = b.bytes(new Uint8Array(new Uint32Array([CAPABILITY_VERSION_3, 0]).buffer), "{v3, self}");
  const hex = (set: CapabilitySet) => bitsOf(set).toString(16);
  b.at("process.capabilities", { kind: "setCapabilities" });
  b.sys("capset", [
    header,
    b.bytes(new Uint8Array(data.buffer), () => `{eff=${hex(e)}, prm=${hex(p)}, inh=${hex(i)}}`),
  ]);
  // Ambient capabilities of the caller would stay if they are permitted and inheritable.
  b.sys("prctl", [PR.CAP_AMBIENT, AMBIENT.CLEAR_ALL, 0, 0, 0]);
  b.at("process.capabilities.ambient", { kind: "raiseAmbient" });
  // The kernel refuses an ambient capability that is not permitted and inheritable. Those are left out, as by runc.
  const a = capabilitySet(ambient);
  const raise = { low: (a.low & own.low & i.low) >>> 0, high: (a.high & own.high & i.high) >>> 0 };
  b.bits("prctl", bitsOf(raise), 2, [PR.CAP_AMBIENT, AMBIENT.RAISE, 0, 0]);
}

/** Becomes the process's user with its capabilities. */
export function identity(x: ProcessContext, process: Process): void {
  const { b } = x;
  boundingSet(x, process);
  b.at("process.user", { kind: "keepCapabilities" });
  b.sys("prctl", [PR.SET_KEEPCAPS, 1, 0, 0, 0]);
  ids(x, process);
  capabilitySets(x, process);
  b.at("process.user", { kind: "endKeeping" });
  b.sys("prctl", [PR.SET_KEEPCAPS, 0, 0, 0, 0]);
}

/** prctl(PR_SET_NO_NEW_PRIVS). */
export function noNewPrivileges(x: ProcessContext): void {
  x.b.at("process.noNewPrivileges", { kind: "noNewPrivileges" });
  x.b.sys("prctl", [PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0]);
}
