/** The resource usage of a cgroup, in the form of `runc events --stats` (runc, types/events.go). */
import { legacyStats } from "./legacy-stats.ts";
import type { CgroupPlan } from "./types.ts";
import { unifiedStats } from "./unified-stats.ts";

export type Count = number | bigint;

/** Pressure stall information (kernel, Documentation/accounting/psi.rst): averages in percent, total in µs. */
export interface Pressure {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  readonly total: Count;
}

export interface PressureStats {
  readonly some?: Pressure;
  readonly full?: Pressure;
}

/** Memory in bytes, and how often a limit was hit. */
export interface MemoryEntry {
  readonly limit: Count;
  readonly usage?: Count;
  readonly max?: Count;
  readonly failcnt: Count;
}

/** A count of one device and operation. */
export interface BlkioEntry {
  readonly major?: number;
  readonly minor?: number;
  readonly op?: string;
  readonly value?: Count;
}

/** CPU times are in nanoseconds. Fields that are zero are left out if runc leaves them out. */
export interface Stats {
  readonly cpu: {
    readonly usage?: {
      readonly total?: Count;
      readonly percpu?: readonly Count[];
      readonly percpu_kernel?: readonly Count[];
      readonly percpu_user?: readonly Count[];
      readonly kernel: Count;
      readonly user: Count;
    };
    readonly throttling?: {
      readonly periods?: Count;
      readonly throttledPeriods?: Count;
      readonly throttledTime?: Count;
    };
    readonly psi?: PressureStats;
  };
  readonly cpuset: Readonly<Record<string, Count | readonly number[]>>;
  readonly memory: {
    readonly cache?: Count;
    readonly usage?: MemoryEntry;
    readonly swap?: MemoryEntry;
    readonly kernel?: MemoryEntry;
    readonly kernelTCP?: MemoryEntry;
    readonly raw?: Readonly<Record<string, Count>>;
    readonly psi?: PressureStats;
  };
  readonly pids: { readonly current?: Count; readonly limit?: Count };
  readonly blkio: Readonly<Record<string, readonly BlkioEntry[] | PressureStats>>;
  readonly hugetlb: Readonly<
    Record<string, { readonly usage?: Count; readonly max?: Count; readonly failcnt: Count }>
  >;
  readonly intel_rdt: Record<string, never>;
  readonly network_interfaces: null;
}

/** Reads the statistics. Throws a SysError. */
export function readStats(plan: CgroupPlan): Stats {
  return plan.version === 2 ? unifiedStats(plan.paths[""]!) : legacyStats(plan);
}
