/** The content of state.json: all that is stored of a container, except what only `exec` needs. */
import type { CgroupPlan } from "../../config/cgroup-plan.ts";
import type { Hooks } from "../../spec/index.ts";
import type { Kept } from "../io/kept-log.ts";
import type { OwnNamespace } from "./own-namespace.ts";

/** The stored state of a container. */
export interface StoredState {
  readonly version: 1;
  readonly ociVersion: string;
  readonly id: string;
  readonly bundle: string;
  readonly rootfs: string;
  /** RFC 3339 with nanoseconds. */
  readonly created: string;
  /** In the pid namespace of the command that created the container. */
  readonly pid: number;
  /** Start time of the process in clock ticks since boot (proc_pid_stat(5) field 22): tells a recycled pid. */
  readonly startTime: string;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Its own cgroup. */
  readonly cgroup?: CgroupPlan | undefined;
  /** With a cgroup: the file that tells whether it is frozen, or "" if there is none. For `list`. */
  readonly freezer?: string | undefined;
  /** It has no pid namespace of its own: its processes may outlive its first one. */
  readonly sharesPids?: true | undefined;
  /** The namespace that identifies its processes, if it has neither a pid namespace nor a cgroup. */
  readonly namespace?: OwnNamespace | undefined;
  /** Directory of resctrl that brun made for it. */
  readonly resctrl?: string | undefined;
  /** Hooks that are still to run. */
  readonly hooks?: Pick<Hooks, "poststart" | "poststop"> | undefined;
  /** For each startContainer hook the index of its operation in the last program, and its path. */
  readonly startHooks?: readonly (readonly [number, string])[] | undefined;
  /**
   * It is still being made: written before its cgroup is made, with the pid of the "stage" that will clone its process, and
   * for the hooks of that time; not afterwards.
   */
  readonly creating?: boolean | "stage" | undefined;
  /** Its output is kept. */
  readonly kept?: Kept | undefined;
}
