/** What a spec asks of cgroups. Small and pure: it is looked at for every container. */
import type { Resources, Spec } from "../spec/index.ts";

/** crun's annotation: a path below the container's cgroup, whose limits so are out of the container's reach. */
const DELEGATE = "run.oci.delegate-cgroup";

/** That annotation in messages. */
export const DELEGATE_WHERE = `annotations["${DELEGATE}"]`;

/** The part of its cgroup that a container is to manage; undefined for nearly all. */
export function delegatedPart(spec: Spec): string | undefined {
  return spec.annotations?.[DELEGATE] || undefined;
}

/** With the value "true" its program makes namespaces, and could mount the cgroup that it is in (--allow-nesting). */
const NESTING = "org.brun.nesting";

/** Whether a container's program may make namespaces. */
export function nests(spec: Spec): boolean {
  return spec.annotations?.[NESTING] === "true";
}

/**
 * Whether a container cannot do without rules for devices: it may make nodes for them, or its rules refuse more than all
 * that nobody gave it, as those of `spec` do.
 */
export function needsDeviceRules({ process, linux }: Spec): boolean {
  const { bounding = [], permitted = [] } = process?.capabilities ?? {};
  if (bounding.includes("CAP_MKNOD") || permitted.includes("CAP_MKNOD")) return true;
  const rules = linux?.resources?.devices ?? [];
  return rules.some(
    ({ allow, type, major, minor, access }) =>
      ![..."rwm"].every((letter) => (access ?? "").includes(letter)) ||
      (!allow && ((type !== undefined && type !== "a") || major !== undefined || minor !== undefined)),
  );
}

type Integer = number | bigint;

/** Whether a limit in bytes or the like is one: 0 is unset and -1 unlimited, as for runc. */
function limits(value: Integer | undefined): boolean {
  return value !== undefined && value !== 0 && value !== 0n && Number(value) !== -1;
}

/**
 * The first limit that `linux.resources` sets, as a config path; null when it sets none. Rules for devices do
 * not count: an unprivileged user can neither set nor needs them.
 */
export function firstLimit(resources: Resources | undefined): string | null {
  if (resources === undefined) return null;
  const { memory, cpu, pids, blockIO, hugepageLimits, network, rdma, unified } = resources;
  const asked: Record<string, boolean> = {
    "memory.limit": limits(memory?.limit),
    "memory.reservation": limits(memory?.reservation),
    "memory.swap": limits(memory?.swap),
    "memory.swappiness": memory?.swappiness !== undefined,
    "memory.disableOOMKiller": memory?.disableOOMKiller === true,
    "cpu.shares": limits(cpu?.shares),
    "cpu.quota": limits(cpu?.quota),
    "cpu.period": limits(cpu?.period),
    "cpu.burst": limits(cpu?.burst),
    "cpu.realtimeRuntime": limits(cpu?.realtimeRuntime),
    "cpu.realtimePeriod": limits(cpu?.realtimePeriod),
    "cpu.cpus": (cpu?.cpus ?? "") !== "",
    "cpu.mems": (cpu?.mems ?? "") !== "",
    "cpu.idle": limits(cpu?.idle),
    "pids.limit": pids?.limit !== undefined && pids.limit >= 0,
    blockIO:
      blockIO !== undefined && Object.values(blockIO).some((v) => (Array.isArray(v) ? v.length > 0 : v)),
    hugepageLimits: (hugepageLimits?.length ?? 0) > 0,
    "network.classID": limits(network?.classID),
    "network.priorities": (network?.priorities?.length ?? 0) > 0,
    rdma: Object.keys(rdma ?? {}).length > 0,
    unified: Object.keys(unified ?? {}).length > 0,
  };
  for (const key in asked) if (asked[key]) return `linux.resources.${key}`;
  return null;
}
