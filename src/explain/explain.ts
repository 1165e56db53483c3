/** `brun explain`: what `brun run` would do and why. It looks at the host as `run` does, and changes nothing. */

import { currentCaller } from "../../rootless/caller.ts";
import type { CgroupPlan } from "../config/cgroup-plan.ts";
import type { Change, ContainerConfig } from "../config/types.ts";
import { planNotify } from "../container/io/notify.ts";
import { addsUserNamespace, decideOnly } from "../container/lifecycle/decide.ts";
import type { CreateOptions, Runtime } from "../container/types.ts";
import { printable } from "../printable.ts";
import { loadSpec, type Spec } from "../spec/index.ts";
import { absolute } from "../sys/fs.ts";
import { explainCgroup } from "./cgroup.ts";
import { explainFilter, type FilterExplanation } from "./filter.ts";
import { explainMaps, explainNamespaces, type MapsExplanation, type NamespaceUse } from "./maps.ts";
import { explainPrograms, type ProgramExplanation } from "./steps.ts";

/** The result of `brun explain`. */
export interface Explanation {
  readonly id: string;
  readonly bundle: string;
  /** Absolute path of config.json, or "the flags" of a container without a bundle. */
  readonly config: string;
  readonly rootfs: string;
  readonly caller: { readonly uid: number; readonly gid: number; readonly name: string | null };
  readonly namespaces: readonly NamespaceUse[];
  /** Null without a new user namespace. */
  readonly idMaps: MapsExplanation | null;
  /** Changes of the spec for a caller without root. */
  readonly changes: readonly Change[];
  readonly cgroup: { readonly plan: CgroupPlan | null; readonly why: string };
  readonly seccomp: FilterExplanation | null;
  readonly warnings: readonly string[];
  /** Parts of the spec that have no effect, and need none. */
  readonly notes: readonly string[];
  readonly programs: readonly ProgramExplanation[];
  /** The spec as it would run, with its mappings. */
  readonly spec: Spec;
  /** The spec as it was given. */
  readonly given: Spec;
}

/**
 * Explains what {@link run} would do with the same options.
 * @throws BrunError errors that `run` would report before it starts anything
 */
export function explain(rt: Runtime, options: CreateOptions): Explanation {
  const warnings: string[] = [];
  const looking: Runtime = { ...rt, warn: (message) => warnings.push(message) };
  const bundle = absolute(options.bundle);
  const path = absolute(options.config ?? `${bundle}/config.json`);
  const loaded = options.loaded ?? loadSpec(path, { addsUserNamespace: addsUserNamespace(rt) });
  warnings.push(...loaded.warnings);
  const caller = currentCaller();
  const notify = planNotify(rt.root, options.id, loaded.spec);
  const decided = decideOnly({ rt: looking, options, bundle, spec: loaded.spec, caller, notify });
  const seccomp = explainFilter(decided.spec);
  const config: ContainerConfig = { ...decided, seccomp: seccomp?.filter ?? null };
  warnings.push(...(seccomp?.warnings ?? []));
  return {
    id: options.id,
    bundle,
    config: options.loaded === undefined ? path : "the flags",
    rootfs: config.rootfs,
    caller: { uid: caller.uid, gid: caller.gid, name: caller.userName && printable(caller.userName) },
    namespaces: explainNamespaces(config),
    idMaps: explainMaps(config, loaded.spec, caller, options.loaded && "the flags"),
    // Mappings are in `idMaps`, line by line.
    changes: config.changes.filter(({ origin }) => origin === undefined),
    cgroup: explainCgroup(rt, config),
    seccomp: seccomp?.explanation ?? null,
    warnings,
    notes: loaded.notes,
    programs: explainPrograms(config),
    spec: effective(config),
    given: loaded.spec,
  };
}

function effective(config: ContainerConfig): Spec {
  if (config.maps === null) return config.spec;
  const toMappings = (map: NonNullable<ContainerConfig["maps"]>["uid"]) =>
    map.map((m) => ({ containerID: m.containerId, hostID: m.hostId, size: m.size }));
  const { uid, gid } = config.maps;
  return {
    ...config.spec,
    linux: { ...config.spec.linux, uidMappings: toMappings(uid), gidMappings: toMappings(gid) },
  };
}
