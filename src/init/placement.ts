/** Where and how the kernel runs a process: scheduling, I/O priority, CPUs, memory nodes, personality. */

import { ANY } from "../plan/program.ts";
import { type IOPriority, type Process, parseCpuList, type Scheduler } from "../spec/index.ts";
import type { ProcessContext } from "./context.ts";

const policies = [
  "SCHED_OTHER",
  "SCHED_FIFO",
  "SCHED_RR",
  "SCHED_BATCH",
  "SCHED_ISO",
  "SCHED_IDLE",
  "SCHED_DEADLINE",
];

const schedulerFlags: Readonly<Record<string, number>> = {
  SCHED_FLAG_RESET_ON_FORK: 1,
  SCHED_FLAG_RECLAIM: 2,
  SCHED_FLAG_DL_OVERRUN: 4,
  SCHED_FLAG_KEEP_POLICY: 8,
  SCHED_FLAG_KEEP_PARAMS: 16,
  SCHED_FLAG_UTIL_CLAMP_MIN: 32,
  SCHED_FLAG_UTIL_CLAMP_MAX: 64,
};

const SCHED_ATTR_SIZE = 56;

/** struct sched_attr (sched_setattr(2)). */
export function schedulerAttributes(scheduler: Scheduler): Uint8Array {
  const data = new Uint8Array(SCHED_ATTR_SIZE);
  const view = new DataView(data.buffer);
  const flags = (scheduler.flags ?? []).reduce((bits, flag) => bits | (schedulerFlags[flag] ?? 0), 0);
  view.setUint32(0, SCHED_ATTR_SIZE, true);
  view.setUint32(4, policies.indexOf(scheduler.policy), true);
  view.setBigUint64(8, BigInt(flags), true);
  view.setInt32(16, scheduler.nice ?? 0, true);
  view.setUint32(20, scheduler.priority ?? 0, true);
  view.setBigUint64(24, BigInt(scheduler.runtime ?? 0), true);
  view.setBigUint64(32, BigInt(scheduler.deadline ?? 0), true);
  view.setBigUint64(40, BigInt(scheduler.period ?? 0), true);
  return data;
}

const ioClasses = ["", "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"];
const IOPRIO_CLASS_SHIFT = 13;
const IOPRIO_WHO_PROCESS = 1;

/** The value of ioprio_set(2). */
export function ioPriorityValue(priority: IOPriority): number {
  return (ioClasses.indexOf(priority.class) << IOPRIO_CLASS_SHIFT) | priority.priority;
}

/** A list of numbers as a bit mask for the kernel: 64-bit words, the lowest first. */
export function bitMask(numbers: readonly number[]): BigUint64Array<ArrayBuffer> {
  const words = new BigUint64Array(Math.floor((numbers[numbers.length - 1] ?? 0) / 64) + 1);
  for (const n of numbers) words[n >> 6]! |= 1n << BigInt(n & 63);
  return words;
}

/** Size in bytes of a mask of 8192 CPUs, the most that a kernel can be built for. */
const ALL_CPUS_SIZE = 1024;

/**
 * Lets the process run on every CPU of its cgroup, as runc does. Linux 6.2 and later would otherwise keep the
 * caller's affinity. The kernel ignores bits of CPUs that do not exist.
 */
export function anyCpu(x: ProcessContext): void {
  x.b.at("process", { kind: "anyCpu" });
  const mask = x.b.bytes(new Uint8Array(ALL_CPUS_SIZE).fill(0xff), "all CPUs");
  x.b.sys("sched_setaffinity", [0, ALL_CPUS_SIZE, mask], { handle: [ANY] });
}

/** A list of CPUs (process.execCPUAffinity) as a mask for sched_setaffinity(2). */
export function cpuMask(list: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bitMask(parseCpuList(list) ?? []).buffer);
}

/**
 * Sets process.execCPUAffinity.final of an `exec` when its process is in the container's cgroup; without it any
 * CPU is allowed. src/container/resources/exec-affinity.ts handles the initial affinity.
 */
export function finalAffinity(x: ProcessContext, process: Process): void {
  const list = process.execCPUAffinity?.final;
  if (!list) {
    anyCpu(x);
    return;
  }
  const mask = cpuMask(list);
  x.b.at("process.execCPUAffinity.final", { kind: "runOnCpus", value: list });
  x.b.sys("sched_setaffinity", [0, mask.byteLength, x.b.bytes(mask, `cpus ${list}`)]);
}

const memoryModes: Readonly<Record<string, number>> = {
  MPOL_DEFAULT: 0,
  MPOL_PREFERRED: 1,
  MPOL_BIND: 2,
  MPOL_INTERLEAVE: 3,
  MPOL_LOCAL: 4,
  MPOL_PREFERRED_MANY: 5,
  MPOL_WEIGHTED_INTERLEAVE: 6,
  MPOL_F_NUMA_BALANCING: 1 << 13,
  MPOL_F_RELATIVE_NODES: 1 << 14,
  MPOL_F_STATIC_NODES: 1 << 15,
};

const domains: Readonly<Record<string, number>> = { LINUX: 0, LINUX32: 8 };

/** Applies process.scheduler, process.ioPriority, linux.personality and linux.memoryPolicy. */
export function placement(x: ProcessContext, process: Process): void {
  const { b } = x;
  const { scheduler, ioPriority } = process;
  if (scheduler !== undefined) {
    const { policy, nice, priority, flags } = scheduler;
    const more = [nice && `nice ${nice}`, priority && `priority ${priority}`, flags?.join("|")].filter(
      Boolean,
    );
    b.at("process.scheduler", { kind: "setScheduler", value: [policy, ...more].join(", ") });
    b.sys("sched_setattr", [0, b.bytes(schedulerAttributes(scheduler), scheduler.policy), 0]);
  }
  if (ioPriority !== undefined) {
    b.at("process.ioPriority", {
      kind: "setIoPriority",
      value: `${ioPriority.class} ${ioPriority.priority}`,
    });
    b.sys("ioprio_set", [IOPRIO_WHO_PROCESS, 0, ioPriorityValue(ioPriority)]);
  }
  const { personality, memoryPolicy } = x.config.placement ?? {};
  if (personality !== undefined) {
    b.at("linux.personality", { kind: "setPersonality", value: personality.domain });
    b.sys("personality", [domains[personality.domain] ?? 0]);
  }
  if (memoryPolicy === undefined) return;
  const { mode, nodes, flags = [] } = memoryPolicy;
  b.at("linux.memoryPolicy", {
    kind: "setMemoryPolicy",
    value: `${mode}${nodes ? ` of nodes ${nodes}` : ""}`,
  });
  const bits = [mode, ...flags].reduce((all, name) => all | (memoryModes[name] ?? 0), 0);
  const mask = nodes ? bitMask(parseCpuList(nodes) ?? []) : null;
  const blob = mask === null ? null : b.bytes(new Uint8Array(mask.buffer), `nodes ${nodes}`);
  // As libnuma: the kernel subtracts one from the number of bits.
  b.sys("set_mempolicy", [bits, blob, mask === null ? 0 : mask.length * 64 + 1]);
}
