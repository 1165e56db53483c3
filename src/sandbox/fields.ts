/**
 * Flags that set one field of config.json: --annotation, --sysctl, --oom-score-adj, --umask, --stop-signal,
 * --shm-size.
 */
import { BrunError } from "../errors.ts";
import type { Mount } from "../spec/index.ts";
import type { SandboxOptions } from "./options.ts";
import { bytes } from "./resources.ts";

/** The annotation for the signal, which container managers and `brun stop` read. */
export const STOP_SIGNAL = "org.opencontainers.image.stopSignal";

/**
 * The annotations for --annotation KEY=VALUE and --stop-signal, whose default is the image's. Throws a
 * BrunError.
 */
export function givenAnnotations({ annotation, stopSignal }: SandboxOptions): Record<string, string> {
  return { ...(stopSignal && { [STOP_SIGNAL]: stopSignal }), ...pairs(annotation, "--annotation") };
}

/** linux.sysctl for --sysctl NAME=VALUE; undefined without any. Throws a BrunError. */
export function sysctls({ sysctl }: SandboxOptions): Record<string, string> | undefined {
  return sysctl.length === 0 ? undefined : pairs(sysctl, "--sysctl");
}

function pairs(list: readonly string[], flag: string): Record<string, string> {
  return Object.fromEntries(
    list.map((text) => {
      const equals = text.indexOf("=");
      if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)];
      throw new BrunError(`${flag} expects NAME=VALUE, but found "${text}"`, { where: flag });
    }),
  );
}

/** --oom-score-adj, or undefined. Throws a BrunError. */
export function oomScoreAdj({ oomScoreAdj: text }: SandboxOptions): number | undefined {
  if (text === undefined || (/^[+-]?\d{1,4}$/.test(text) && Math.abs(Number(text)) <= 1000))
    return text === undefined ? undefined : Number(text);
  throw new BrunError(`"${text}" is no adjustment of the OOM score`, {
    where: "--oom-score-adj",
    hint: "-1000 to 1000; a program with more is killed sooner when memory is short",
  });
}

/** --umask, or undefined. Throws a BrunError. */
export function givenUmask({ umask: text }: SandboxOptions): number | undefined {
  if (text === undefined) return undefined;
  if (/^0?[0-7]{1,3}$/.test(text)) return Number.parseInt(text, 8);
  throw new BrunError(`"${text}" is no umask`, { where: "--umask", hint: "an octal number such as 077" });
}

/** The mounts, with the size of /dev/shm by --shm-size. Throws a BrunError. */
export function withSharedMemory(mounts: readonly Mount[], { shmSize }: SandboxOptions): readonly Mount[] {
  if (shmSize === undefined) return mounts;
  const size = `size=${bytes(shmSize, "--shm-size")}`;
  return mounts.map((mount) =>
    mount.destination === "/dev/shm"
      ? { ...mount, options: [...(mount.options ?? []).filter((o) => !o.startsWith("size=")), size] }
      : mount,
  );
}
