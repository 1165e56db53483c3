/** Values of the flags that report on --allow-net. */
import { keptPlace } from "../changes/kept.ts";
import { BrunError } from "../errors.ts";
import type { SandboxOptions } from "../sandbox/options.ts";
import { absolute } from "../sys/fs.ts";

/**
 * The file in which each connection is logged.
 * @param given the value of --net-log
 * @param kept a name by which changes are kept: without a value it is beside them
 */
export function netLogOf(given: string | undefined, kept: string | undefined): string | undefined {
  if (given !== undefined) return absolute(given);
  return kept === undefined ? undefined : `${keptPlace(kept)}/net.log`;
}

/** FD[,ask]. Throws a BrunError. */
export function netClientOf(text: string | undefined): SandboxOptions["netClient"] {
  if (text === undefined) return undefined;
  const [, fd, ask] = /^(\d+)(,ask)?$/.exec(text) ?? [];
  if (fd !== undefined) return { fd: Number(fd), asks: ask !== undefined };
  throw new BrunError(`"${text}" is no client`, { code: "ERR_USAGE", where: "--net-client" });
}
