/** What `brun stats` prints. */
import type { Usage } from "../container/resources/usage.ts";
import { duration } from "./duration.ts";
import { table } from "./format.ts";

/** Two measurements of one container, the second one now. */
export interface Sample {
  readonly before: Usage;
  readonly now: Usage;
}

export const STATS_TITLES = [
  "ID",
  "CPU %",
  "MEM USAGE / LIMIT",
  "MEM %",
  "NET IO",
  "BLOCK IO",
  "PIDS",
  "UPTIME",
];

/** One container's row. */
export function statsRow({ before, now }: Sample, clock: number): string[] {
  return [
    now.id,
    percent(cpuShare(before, now)),
    `${size(now.memory)} / ${size(now.memoryLimit)}`,
    percent(now.memory / now.memoryLimit),
    networkText(now),
    `${size(now.read)} / ${size(now.written)}`,
    `${now.pids}`,
    duration(clock - now.created),
  ];
}

/** All rows, with titles. */
export function statsTable(samples: readonly Sample[], clock: number): string {
  return table([STATS_TITLES, ...samples.map((sample) => statsRow(sample, clock))]);
}

/** As `podman stats --format json` prints it. */
export function statsJson(samples: readonly Sample[], clock: number): string {
  const list = samples.map(({ before, now }) => {
    const average = now.cpu / 1e6 / Math.max(1, clock - now.created);
    return {
      id: now.id,
      name: now.id,
      cpu_time: `${(now.cpu / 1e9).toFixed(6)}s`,
      cpu_percent: percent(cpuShare(before, now)),
      avg_cpu: percent(average),
      mem_usage: `${size(now.memory)} / ${size(now.memoryLimit)}`,
      mem_percent: percent(now.memory / now.memoryLimit),
      net_io: networkText(now),
      block_io: `${size(now.read)} / ${size(now.written)}`,
      pids: `${now.pids}`,
    };
  });
  return `${JSON.stringify(list, null, 1)}\n`;
}

/** CPU time per time: 1 is one CPU. */
function cpuShare(before: Usage, now: Usage): number {
  const elapsed = (now.at - before.at) * 1e6;
  return elapsed <= 0 ? 0 : Math.max(0, now.cpu - before.cpu) / elapsed;
}

function networkText({ network }: Usage): string {
  return network === null ? "-- / --" : `${size(network.received)} / ${size(network.sent)}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)}%`;
}

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Bytes in powers of 1000 with four digits, as podman prints them: "1.234MB". */
export function size(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${Number(value.toPrecision(4))}${UNITS[unit]}`;
}
