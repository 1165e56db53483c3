/** Sets limits on a cgroup that exists. */
import { BrunError } from "../errors.ts";
import { quoted } from "../printable.ts";
import type { Resources } from "../spec/index.ts";
import { E, errnoName, errnoText } from "../sys/errno.ts";
import { exists } from "../sys/fs.ts";
import { integer, readFileOf, tryWriteTo, wordsOf } from "./access.ts";
import { legacyWrites } from "./legacy-limits.ts";
import { managerVersion } from "./systemd/manager.ts";
import { resourceProperties, roundedQuota } from "./systemd/properties.ts";
import { type CgroupPlan, directoryOf, type Write } from "./types.ts";
import { unifiedWrites } from "./unified-limits.ts";
import { setProperties } from "./unit-properties.ts";

/** Writes the limits of `resources`; other limits stay. Throws a BrunError with the config path. */
export function setLimits(plan: CgroupPlan, resources: Resources): void {
  if (resources.memory?.checkBeforeUpdate) checkUsage(plan, resources);
  if (plan.systemd === undefined) {
    perform(plan, writesFor(plan, resources));
    return;
  }
  const kept = roundedQuota(resources);
  const properties = resourceProperties(kept, managerVersion(plan.systemd));
  setProperties(plan, plan.systemd, properties, kept.unified);
  perform(plan, writesFor(plan, kept));
}

function writesFor(plan: CgroupPlan, resources: Resources): Write[] {
  if (plan.version === 2) return unifiedWrites(resources, exists(`${plan.paths[""]}/io.bfq.weight`));
  const blkio = directoryOf(plan, "blkio");
  const bfqOnly = !exists(`${blkio}/blkio.weight`) && exists(`${blkio}/blkio.bfq.weight`);
  return legacyWrites(resources, bfqOnly);
}

function perform(plan: CgroupPlan, writes: readonly Write[]): void {
  const later: Write[] = [];
  for (const write of writes) {
    const errno = attempt(plan, write);
    if (errno === 0 || write.ignore?.includes(errno)) continue;
    if (!write.again || (errno !== E.EINVAL && errno !== E.EBUSY)) throw explain(plan, write, errno);
    later.push(write);
  }
  for (const write of later) {
    const errno = attempt(plan, write);
    if (errno !== 0) throw explain(plan, write, errno);
  }
}

/** Returns 0 or a positive errno. */
function attempt(plan: CgroupPlan, write: Write): number {
  const directory = directoryOf(plan, write.controller);
  return directory === undefined ? E.ENOENT : -tryWriteTo(directory, write.file, write.value);
}

function explain(plan: CgroupPlan, write: Write, errno: number): BrunError {
  const { controller, file, value, where } = write;
  const directory = directoryOf(plan, controller);
  if (directory === undefined) {
    return new BrunError(`the host has no ${controller} controller`, { where, hint: "leave this limit out" });
  }
  if (plan.version === 2 && (errno === E.ENOENT || errno === E.EACCES || errno === E.EPERM)) {
    const available =
      controller === "cgroup" || wordsOf(directory, "cgroup.controllers").includes(controller);
    if (!available) {
      return new BrunError(`the ${controller} controller is not available in ${directory}`, {
        where,
        hint: missingHint(plan, controller),
      });
    }
    if (errno === E.ENOENT) return new BrunError(`this kernel has no ${file}`, { where });
  }
  const text = `cannot write ${quoted(value)} to ${directory}/${file}: ${errnoText(errno)} (${errnoName(errno)})`;
  return new BrunError(text, { where, hint: hintFor(plan, write, errno, directory) });
}

/**
 * Controllers that systemd can delegate to users. By default it delegates only some of them (user@.service,
 * Delegate=).
 */
const DELEGABLE = ["cpu", "cpuset", "io", "memory", "pids"];

function missingHint(plan: CgroupPlan, controller: string): string {
  if (!plan.rootless || !DELEGABLE.includes(controller))
    return `it is not in /sys/fs/cgroup/cgroup.controllers, or a cgroup above withholds it`;
  return (
    `root can delegate ${controller}: put "[Service]" and "Delegate=${DELEGABLE.join(" ")}" ` +
    "into /etc/systemd/system/user@.service.d/delegate.conf, then systemctl daemon-reload and log in again"
  );
}

function hintFor(plan: CgroupPlan, write: Write, errno: number, directory: string): string | undefined {
  if (errno === E.EBUSY && plan.version === 1 && write.controller === "memory") {
    const usage = readFileOf(directory, "memory.usage_in_bytes")?.trim();
    return `the container uses ${usage} bytes now`;
  }
  if (write.controller === "io" && errno === E.ENODEV) return "there is no such block device";
  if (write.controller === "io" && errno === E.EOPNOTSUPP)
    return "the device's I/O scheduler has no weights; bfq has";
  if (write.controller === "rdma" && errno === E.ENODEV)
    return "there is no such device in /sys/class/infiniband";
  if (errno === E.EINVAL || errno === E.ERANGE) return "the kernel refuses this value";
  return undefined;
}

/** memory.checkBeforeUpdate: a limit below the present usage would kill the container. */
function checkUsage(plan: CgroupPlan, { memory }: Resources): void {
  if (plan.version !== 2) return;
  const text = readFileOf(plan.paths[""]!, "memory.current");
  if (text === null) return;
  const usage = integer(text);
  for (const key of ["swap", "limit"] as const) {
    const limit = memory?.[key] ?? 0;
    if (limit > 0 && limit <= usage) {
      throw new BrunError(`${limit} is not above the present usage of ${usage} bytes`, {
        where: `linux.resources.memory.${key}`,
        hint: "free memory first, or leave checkBeforeUpdate out",
      });
    }
  }
}
