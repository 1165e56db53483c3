/** Numbers out of samples. */

/** One timed run. */
export interface Sample {
  /** Milliseconds. */
  readonly wall: number;
  readonly cpu: number;
  /** Kilobytes. */
  readonly rss: number;
  /** Page faults that needed no disk, of the command and the children that it has waited for. */
  readonly faults: number;
}

/** The numbers of one command in a table. */
export interface Summary {
  readonly name: string;
  readonly median: number;
  readonly min: number;
  readonly p95: number;
  /** 99th percentile of single copies if several run at once, otherwise of the samples. */
  readonly p99: number;
  /** Mean of user and system time, milliseconds. */
  readonly cpu: number;
  /** Largest resident set, kilobytes. */
  readonly rss: number;
  /** Median of the page faults. */
  readonly faults: number;
  /** Median of the rounds' ratios to the reference of the same round; undefined without a reference. */
  readonly ratio: number | undefined;
}

/** The value below which a share of the values lies, by linear interpolation. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

/**
 * Sums up the samples of one command.
 * @param reference samples of the same rounds to compare with
 * @param copies of single copies where several run at once
 */
export function summarise(
  name: string,
  samples: readonly Sample[],
  reference?: readonly Sample[],
  copies: readonly Sample[] = samples,
): Summary {
  const wall = samples.map((sample) => sample.wall);
  const ratios = reference === undefined ? [] : wall.map((ms, i) => ms / (reference[i]?.wall ?? Number.NaN));
  return {
    name,
    median: quantile(wall, 0.5),
    min: Math.min(...wall),
    p95: quantile(wall, 0.95),
    p99: quantile(
      copies.map((sample) => sample.wall),
      0.99,
    ),
    cpu: samples.reduce((sum, { cpu }) => sum + cpu, 0) / samples.length,
    rss: Math.max(...samples.map(({ rss }) => rss)),
    faults: quantile(
      samples.map(({ faults }) => faults),
      0.5,
    ),
    ratio: reference === undefined ? undefined : quantile(ratios, 0.5),
  };
}

/** Reads the lines of the timer: name, wall ns, user µs, system µs, KB, page faults. */
export function parseSamples(text: string): Map<string, Sample[]> {
  const samples = new Map<string, Sample[]>();
  for (const line of text.split("\n")) {
    const [name, wall, user, system, rss, faults] = line.split("\t");
    if (faults === undefined) continue;
    const list = samples.get(name!) ?? [];
    list.push({
      wall: Number(wall) / 1e6,
      cpu: (Number(user) + Number(system)) / 1e3,
      rss: Number(rss),
      faults: Number(faults),
    });
    samples.set(name!, list);
  }
  return samples;
}
