/** Who the container's process is: ids, capabilities, no_new_privs (config.md#process). */
import type { Process } from "../spec/index.ts";
import { ANY } from "../stage/program.ts";
import { CAPABILITIES, PR } from "../sys/constants.ts";
import type { ProcessContext } from "./context.ts";

const CAPABILITY_VERSION_3 = 0x20080522;

/** Also those that this brun has no name for: a newer kernel must not leave them in the bounding set. */
const ALL_CAPABILITIES = 0xffffffffffffffffn;

/** A set of capability names as a 64-bit mask; unknown names have been warned about by src/spec. */
export function capabilityMask(names: readonly string[] | undefined): bigint {
  let mask = 0n;
  for (const name of names ?? []) {
    const number = (CAPABILITIES as readonly string[]).indexOf(name);
    if (number >= 0) mask |= 1n << BigInt(number);
  }
  return mask;
}

/** Drops from the bounding set what process.capabilities.bounding lacks. */
function boundingSet(x: ProcessContext, process: Process): void {
  const drop = ALL_CAPABILITIES & ~capabilityMask(process.capabilities?.bounding);
  x.b.at("process.capabilities.bounding", "drop capabilities from the bounding set");
  x.b.bits("prctl", drop, 1, [PR.CAPBSET_DROP, 0, 0, 0]);
}

/** setgroups, setgid, setuid. */
function ids(x: ProcessContext, process: Process): void {
  const { b, config } = x;
  const { uid = 0, gid = 0, additionalGids = [] } = process.user ?? {};
  const groups = Uint32Array.from(additionalGids);
  b.at("process.user.additionalGids", `set the supplementary groups to [${additionalGids}]`);
  if (config.setgroups || groups.length > 0) {
    b.sys("setgroups", [groups.length, b.bytes(new Uint8Array(groups.buffer), () => `[${additionalGids}]`)]);
  }
  b.at("process.user.gid", `set the group id to ${gid}`);
  b.sys("setresgid", [gid, gid, gid]);
  b.at("process.user.uid", `set the user id to ${uid}`);
  b.sys("setresuid", [uid, uid, uid]);
}

/** Permitted, effective, inheritable and ambient capabilities. */
function capabilitySets(x: ProcessContext, process: Process): void {
  const { b } = x;
  const { effective, permitted, inheritable, ambient } = process.capabilities ?? {};
  const masks = [capabilityMask(effective), capabilityMask(permitted), capabilityMask(inheritable)];
  const data = new Uint32Array([...masks.map(low), ...masks.map(high)]);
  const header = b.bytes(new Uint8Array(new Uint32Array([CAPABILITY_VERSION_3, 0]).buffer), "{v3, self}");
  const text = () =>
    `{eff=${masks[0]!.toString(16)}, prm=${masks[1]!.toString(16)}, inh=${masks[2]!.toString(16)}}`;
  b.at("process.capabilities", "set the capabilities");
  b.sys("capset", [header, b.bytes(new Uint8Array(data.buffer), text)]);
  b.sys("prctl", [PR.CAP_AMBIENT, PR.CAP_AMBIENT_CLEAR_ALL, 0, 0, 0], { handle: [ANY] });
  b.at("process.capabilities.ambient", "raise the ambient capabilities");
  // Refused unless permitted and inheritable: the container runs without them, as under runc.
  const raise = capabilityMask(ambient) & masks[1]! & masks[2]!;
  b.bits("prctl", raise, 2, [PR.CAP_AMBIENT, PR.CAP_AMBIENT_RAISE, 0, 0]);
}

const low = (mask: bigint) => Number(mask & 0xffffffffn);
const high = (mask: bigint) => Number(mask >> 32n);

/** Becomes the process's user with its capabilities. */
export function identity(x: ProcessContext, process: Process): void {
  const { b } = x;
  boundingSet(x, process);
  b.at("process.user", "keep the capabilities over the change of user");
  b.sys("prctl", [PR.SET_KEEPCAPS, 1, 0, 0, 0]);
  ids(x, process);
  capabilitySets(x, process);
  b.at("process.user", "end keeping capabilities");
  b.sys("prctl", [PR.SET_KEEPCAPS, 0, 0, 0, 0]);
}

/** prctl(PR_SET_NO_NEW_PRIVS). */
export function noNewPrivileges(x: ProcessContext): void {
  x.b.at("process.noNewPrivileges", "set no_new_privs");
  x.b.sys("prctl", [PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0]);
}
