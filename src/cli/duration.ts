/** Prints and parses durations. */
import { BrunError } from "../errors.ts";

/** A time in milliseconds by its two largest units: "3s", "5m 2s", "2h 5m", "3d 4h". */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const parts: [number, string][] = [
    [Math.floor(seconds / 86400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([n]) => n > 0);
  if (first < 0) return "0s";
  return parts
    .slice(first, first + 2)
    .filter(([n], i) => i === 0 || n > 0)
    .map(([n, unit]) => `${n}${unit}`)
    .join(" ");
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The largest time that setitimer(2) and the request can hold: 49 days. */
const MOST_MS = 2 ** 32 - 1;

/**
 * A time in milliseconds: seconds as podman has them, also with a fraction, or with units as timeout(1) and Go
 * write them: "0.5", "10s", "2m", "1m30s". 0 is none. Throws a BrunError that names the flag.
 */
export function timeoutMs(text: string | undefined, flag = "--timeout"): number | undefined {
  if (text === undefined) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ms|[smhd]|$)/g)];
  const whole = parts.map(([part]) => part).join("") === text;
  const sum = parts.reduce((ms, [, number, unit]) => ms + Number(number) * UNITS[unit || "s"]!, 0);
  if (!whole || parts.length === 0) {
    throw new BrunError(`"${text}" is no time`, {
      code: "ERR_USAGE",
      where: flag,
      hint: "seconds, or such as 0.5, 10s, 2m, 1h30m",
    });
  }
  if (sum > MOST_MS) throw new BrunError(`${flag} takes 49 days at most`, { code: "ERR_USAGE", where: flag });
  return sum > 0 ? Math.max(1, Math.round(sum)) : 0;
}
