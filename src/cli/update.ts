/** `brun update`. */

import { update } from "../container/resources/update.ts";
import { BrunError } from "../errors.ts";
import { readGiven } from "../given-file.ts";
import { quoted } from "../printable.ts";
import { parseJson, parseSpec, type Resources } from "../spec/index.ts";
import { readFd } from "../sys/fs.ts";
import { lazy } from "../sys/lazy.ts";
import { fromUtf8 } from "../sys/utf8.ts";
import { defineCommand } from "./command.ts";
import type { Values } from "./flags.ts";
import { openRuntime } from "./globals.ts";
import { containerId } from "./hot-flags.ts";

const updateNetworkModule = lazy<typeof import("./update-network.ts")>(() => require("./update-network.ts"));

const limit = (valueHint: string, description: string) =>
  ({ type: "string", valueHint, description }) as const;

const names = (description: string) =>
  ({ type: "string", multiple: true, valueHint: "host[:port]", description }) as const;

const args = {
  "container-id": containerId,
  resources: {
    type: "string",
    alias: "r",
    valueHint: "file|-",
    description: "take the limits from this file, or from stdin, and ignore other flags",
  },
  "blkio-weight": limit("10-1000", "share of block I/O"),
  "cpu-period": limit("µs", "period of the CPU quota"),
  "cpu-quota": limit("µs", "CPU time in a period; -1: unlimited"),
  "cpu-burst": limit("µs", "CPU time that may be saved up for later periods"),
  "cpu-share": limit("2-262144", "share of CPU time"),
  "cpu-rt-period": limit("µs", "period of the realtime quota (cgroup v1)"),
  "cpu-rt-runtime": limit("µs", "realtime CPU time in a period (cgroup v1)"),
  "cpuset-cpus": limit("list", "CPUs to use: 0-2,7"),
  "cpuset-mems": limit("list", "memory nodes to use"),
  "cpu-idle": limit("0|1", "1: run only when no one else wants to"),
  memory: limit("bytes", "memory, also as 512m or 1.5g; -1: unlimited"),
  "memory-reservation": limit("bytes", "memory that is kept when it gets scarce"),
  "memory-swap": limit("bytes", "memory and swap together; -1: unlimited"),
  "pids-limit": limit("n", "processes and threads; -1: unlimited"),
  "kernel-memory": { type: "string", hidden: true, description: "obsolete, ignored" },
  "kernel-memory-tcp": { type: "string", hidden: true, description: "obsolete, ignored" },
  "l3-cache-schema": limit("schema", "Intel RDT: parts of the L3 cache, L3:0=ff;1=f"),
  "mem-bw-schema": limit("schema", "Intel RDT: share of the memory bandwidth, MB:0=50;1=20"),
  "allow-net": names("let a container that has --allow-net reach this name, too"),
  "allow-net-private": { type: "boolean", description: "names may lead to private addresses" },
  "deny-net": names("take this entry of --allow-net away, and close its connections"),
} as const;

export default defineCommand({
  meta: {
    name: "update",
    description: "change the limits of a container that runs, or the names that it reaches",
  },
  args,
  details: `The file has the form of linux.resources in config.json. Limits that it does not name stay the same.

EXAMPLE
  brun update --memory 512M web
  brun update --allow-net registry.npmjs.org web`,
  run({ args, data }) {
    const schemata = [args["l3-cache-schema"], args["mem-bw-schema"]].flatMap((schema) => schema || []);
    const resources = args.resources ? readResources(args.resources) : fromFlags(args);
    const runtime = openRuntime(data);
    const network = {
      allow: args["allow-net"],
      deny: args["deny-net"],
      allowPrivate: args["allow-net-private"],
    };
    const changesNetwork = network.allow.length + network.deny.length > 0 || network.allowPrivate;
    if (args["kernel-memory"] || args["kernel-memory-tcp"])
      runtime.warn("kernel memory limits are obsolete: ignored");
    if (!changesNetwork || schemata.length + Object.keys(resources).length > 0)
      update(runtime, args["container-id"], resources, schemata);
    if (changesNetwork) updateNetworkModule().updateNetwork(runtime, args["container-id"], network);
  },
});

/** Reads and checks limits in JSON. Throws a BrunError or SysError. */
function readResources(path: string): Resources {
  const [json, where] =
    path === "-" ? [fromUtf8(readFd(0, "stdin")), "stdin"] : [readGiven(`--resources ${path}`, path), path];
  parseJson(json, where);
  const { spec } = parseSpec(
    `{"ociVersion":"1.0.0","process":{"cwd":"/","args":["true"]},"root":{"path":"/"},"linux":{"resources":${json}}}`,
    where,
  );
  return spec.linux?.resources ?? {};
}

/** The limits that flags give. Throws a BrunError. */
export function fromFlags(flags: Partial<Values<typeof args>>): Resources {
  type Name = Exclude<keyof typeof args, "allow-net" | "allow-net-private" | "deny-net">;
  const whole = (name: Name, pattern: RegExp) => {
    const value = flags[name];
    if (!value) return undefined;
    if (!pattern.test(value))
      throw new BrunError(`invalid value for ${name}: ${quoted(value)} is no number`, {
        code: "ERR_USAGE",
        hint: "a whole number, without a unit",
      });
    return BigInt(value);
  };
  const unsigned = (name: Name) => whole(name, /^\d{1,19}$/);
  const signed = (name: Name) => whole(name, /^[-+]?\d{1,18}$/);
  const bytes = (name: Name) => (flags[name] ? parseBytes(name, flags[name]) : undefined);
  const weight = unsigned("blkio-weight");
  const limits = pruned({
    memory: pruned({
      limit: bytes("memory"),
      reservation: bytes("memory-reservation"),
      swap: bytes("memory-swap"),
    }),
    cpu: pruned({
      shares: unsigned("cpu-share"),
      quota: signed("cpu-quota"),
      burst: unsigned("cpu-burst"),
      period: unsigned("cpu-period"),
      realtimeRuntime: signed("cpu-rt-runtime"),
      realtimePeriod: unsigned("cpu-rt-period"),
      cpus: flags["cpuset-cpus"] || undefined,
      mems: flags["cpuset-mems"] || undefined,
      idle: signed("cpu-idle"),
    }),
    pids: pruned({ limit: signed("pids-limit") }),
    blockIO: pruned({ weight: weight === undefined ? undefined : Number(weight) }),
  });
  return limits ?? {};
}

/** The same object without fields that are undefined. */
type Pruned<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function pruned<T extends object>(fields: T): Pruned<T> | undefined {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return given.length === 0 ? undefined : (Object.fromEntries(given) as Pruned<T>);
}

const SUFFIXES = "bkmgtp";

/**
 * Bytes of "512m", "1.5GiB" and the like, all powers of 1024 (docker/go-units, RAMInBytes); -1 is unlimited.
 * @throws BrunError it is no size
 */
export function parseBytes(name: string, value: string): bigint {
  if (value === "-1") return -1n;
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(value);
  if (match === null)
    throw new BrunError(`invalid value for ${name}: ${quoted(value)} is no size`, {
      code: "ERR_USAGE",
      hint: "bytes, or such as 512m and 2g",
    });
  const power = Math.max(0, SUFFIXES.indexOf(match[2]!.toLowerCase() || "b"));
  if (!match[1]!.includes(".")) return BigInt(match[1]!) * 1024n ** BigInt(power);
  return BigInt(Math.trunc(Number(match[1]) * 1024 ** power));
}
