/** Explains namespaces and id maps, with the origin of each map. */
import type { Caller } from "../../rootless/caller.ts";
import type { IdMap } from "../../rootless/idmap.ts";
import { namespaceFlags } from "../config/namespaces.ts";
import type { ContainerConfig } from "../config/types.ts";
import type { Spec } from "../spec/index.ts";

/** A namespace of the container. */
export interface NamespaceUse {
  /** The type as in the spec: "mount", "pid", … */
  readonly type: string;
  /** The path of a namespace that is joined; absent for a new one. */
  readonly path?: string;
}

/** A line of a map with its origin. */
export interface MapLine extends IdMap {
  /** "caller", "/etc/subuid:1", "getsubids", "config.json" or "the flags". */
  readonly origin: string;
}

/** The maps of a new user namespace. */
export interface MapsExplanation {
  readonly uid: readonly MapLine[];
  readonly gid: readonly MapLine[];
  readonly writtenBy: "the process itself" | "brun" | "newuidmap and newgidmap";
  /** Whether setgroups(2) works inside. */
  readonly setgroups: boolean;
}

/** The namespaces that the container does not share with its caller. */
export function explainNamespaces(config: ContainerConfig): NamespaceUse[] {
  return Object.entries(namespaceFlags).flatMap(([type, flag]) => {
    const join = config.joins.find((j) => j.flag === flag);
    if (join !== undefined) return [{ type, path: join.path }];
    return (config.cloneFlags & flag) !== 0 ? [{ type }] : [];
  });
}

/**
 * The maps; null without a new user namespace.
 * @param source the origin of maps that the spec has
 */
export function explainMaps(
  config: ContainerConfig,
  given: Spec,
  caller: Caller,
  source = "config.json",
): MapsExplanation | null {
  const { maps, selfMapped, setgroups, changes } = config;
  if (maps === null) return null;
  const lines = (kind: "uid" | "gid"): MapLine[] =>
    maps[kind].map((m, i) => {
      const chosen = changes.find((c) => c.where === `linux.${kind}Mappings[${i}]`);
      const own = given.linux?.[`${kind}Mappings`]?.length;
      return { ...m, origin: own || !chosen ? source : (chosen.origin ?? source) };
    });
  return {
    uid: lines("uid"),
    gid: lines("gid"),
    writtenBy: selfMapped ? "the process itself" : caller.privileged ? "brun" : "newuidmap and newgidmap",
    setgroups,
  };
}
