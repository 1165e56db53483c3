/** The stored state of a new container. */
import type { ContainerConfig } from "../../config/types.ts";
import { CLONE } from "../../sys/constants.ts";
import type { Kept } from "../io/kept-log.ts";
import { freezerFile } from "../resources/freezer.ts";
import { processStat } from "./process.ts";
import type { StoredState } from "./store.ts";

/** RFC 3339 in UTC with nanoseconds, as Go prints time.Time. */
function timestamp(): string {
  const iso = new Date().toISOString();
  return iso.replace("Z", "000000Z");
}

/** The stored state of a container whose process exists. */
export function newState(config: ContainerConfig, pid: number, kept?: Kept): StoredState {
  const { annotations, hooks, ociVersion } = config.spec;
  const { poststart, poststop } = hooks ?? {};
  return {
    version: 1,
    ociVersion,
    id: config.id,
    bundle: config.bundle,
    rootfs: config.rootfs,
    created: timestamp(),
    pid,
    startTime: processStat(pid)?.startTime ?? "0",
    annotations,
    cgroup: config.cgroup ?? undefined,
    freezer: config.cgroup === null ? undefined : (freezerFile(config.cgroup) ?? ""),
    sharesPids: (config.cloneFlags & CLONE.NEWPID) === 0 || undefined,
    hooks:
      poststart || poststop ? { ...(poststart && { poststart }), ...(poststop && { poststop }) } : undefined,
    kept,
  };
}
