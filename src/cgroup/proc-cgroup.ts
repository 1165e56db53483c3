/** The format of /proc/PID/cgroup (cgroups(7)). */

/**
 * Splits a line of /proc/PID/cgroup such as "4:memory:/user" into the hierarchy ("" for the unified one) and the
 * path in it.
 */
export function splitCgroupLine(line: string): { name: string; path: string } | null {
  const first = line.indexOf(":");
  const second = line.indexOf(":", first + 1);
  if (first < 1 || second < 0) return null;
  return { name: line.slice(first + 1, second), path: line.slice(second + 1) };
}
