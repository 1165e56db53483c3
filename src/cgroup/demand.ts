/** What a spec asks of cgroups. Small and pure, since it runs for every container. */
import type { Resources, Spec } from "../spec/index.ts";

/**
 * crun's annotation: a path below the container's cgroup, which the container manages. It cannot change the limits
 * above.
 */
const DELEGATE = "run.oci.delegate-cgroup";

/** The path of this annotation in messages. */
export const DELEGATE_WHERE = `annotations["${DELEGATE}"]`;

/** The part of its cgroup that the container manages; undefined for nearly all containers. */
export function delegatedPart(spec: Spec): string | undefined {
  return spec.annotations?.[DELEGATE] || undefined;
}

/** Annotation of --allow-nesting. If it is "true" the program makes namespaces, and could mount its cgroup. */
const NESTING = "org.brun.nesting";

/** Whether a container's program may make namespaces. */
export function nests(spec: Spec): boolean {
  return spec.annotations?.[NESTING] === "true";
}

/**
 * Whether a container must have rules for devices: because it may make device nodes, or because its rules refuse
 * more than the template of `spec` does, which denies every device that was not given.
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

/** Whether a value is a limit: 0 is unset and -1 unlimited, as for runc. */
function limits(value: Integer | undefined): boolean {
  return value !== undefined && value !== 0 && value !== 0n && Number(value) !== -1;
}

/**
 * The config path of the first limit that `linux.resources` sets; null if it sets none. Rules for devices do not
 * count: an unprivileged user cannot set them and does not need them.
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
