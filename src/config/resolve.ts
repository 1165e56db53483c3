/** Spec → ContainerConfig: this part decides everything and does nothing. */

import type { Caller } from "../../rootless/caller.ts";
import { type ChosenIds, chooseIds } from "../../rootless/default-ids.ts";
import { type IdMap, type IdMaps, toHost } from "../../rootless/idmap.ts";
import { deniesSetgroups, selfMappable } from "../../rootless/mapping.ts";
import type { Subids } from "../../rootless/subid.ts";
import { BrunError } from "../errors.ts";
import type { UsernsMode } from "../modes.ts";
import { quoted } from "../printable.ts";
import type { IDMapping, Mount, Spec } from "../spec/index.ts";
import { LATEST_MINOR, minorVersion } from "../spec/version.ts";
import { CLONE } from "../sys/constants.ts";
import { absolute, below } from "../sys/fs.ts";
import { lazy } from "../sys/lazy.ts";
import { any, each, found, mapped } from "../sys/lists.ts";
import { bindProc } from "./bind-proc.ts";
import { isBind, parseMountOptions } from "./mount-options.ts";
import { type NamespacePlan, planNamespaces } from "./namespaces.ts";
import type { Change } from "./types.ts";
import { type AdaptInput, userNamespaceFirst } from "./user-namespace-first.ts";

const idmapOptionModule = lazy<typeof import("./idmap-option.ts")>(() => require("./idmap-option.ts"));

/** What the decisions depend on. */
export interface ResolveInput {
  readonly spec: Spec;
  /** An absolute path. */
  readonly bundle: string;
  readonly caller: Caller;
  /** Whether user-namespace-first applies: the caller is not root, or is root of a user namespace only. */
  readonly rootless: boolean;
  /** Whether a spec without a user namespace gets one. */
  readonly addUserNamespace: boolean;
  /** Reads the caller's subordinate ids; called only if they are needed. */
  readonly subids: () => Subids;
  /** How the ids of a new user namespace are chosen where the spec does not say; "auto" by default. */
  readonly userns?: UsernsMode | undefined;
  /** Why subordinate ids cannot be mapped here, or null. By default nothing is in the way. */
  readonly obstacle?: ((subids: Subids) => string | null) | undefined;
  /** Whether the caller is root with too few capabilities for a container without a user namespace. */
  readonly lesserRoot?: boolean | undefined;
  /**
   * The id maps of the caller's user namespace, which a container without a new one stays in. By default all ids
   * are mapped.
   */
  readonly ownMaps?: (() => IdMaps) | undefined;
  /** Why the outer /proc is to be bound instead of a new procfs. By default a new one is mounted. */
  readonly bindProc?: string | undefined;
  readonly rlimits: AdaptInput["rlimits"];
  readonly oomScoreAdj: number;
  /**
   * Whether setgroups(2) is denied in the caller's own user namespace, and so in those below it. With a path:
   * whether it is denied in that namespace, as far as brun can see.
   */
  readonly setgroupsDenied: (namespace?: string) => boolean;
  /** See {@link AdaptInput}. */
  readonly lacksSetattr?: AdaptInput["lacksSetattr"];
}

/** The decisions about namespaces and ids. */
export interface Resolved extends NamespacePlan {
  /** The spec as it will run. */
  readonly spec: Spec;
  readonly rootfs: string;
  readonly maps: IdMaps | null;
  readonly selfMapped: boolean;
  readonly openSources: boolean;
  readonly setgroups: boolean;
  /** The user namespace that is joined denies setgroups(2), so root's groups are dropped before. */
  readonly dropGroups?: true | undefined;
  readonly changes: readonly Change[];
}

function toIdMap(mappings: readonly IDMapping[]): IdMap[] {
  return mapped(mappings, (m) => ({ containerId: m.containerID, hostId: m.hostID, size: m.size }));
}

/** Makes the decisions. Throws a BrunError for a container that this caller cannot run. */
export function resolve(input: ResolveInput): Resolved {
  const { caller, rootless } = input;
  const namespaces = input.spec.linux?.namespaces ?? [];
  const user = found(namespaces, (n) => n.type === "user");
  const addUserNamespace = input.addUserNamespace && user === undefined;
  const makesUser = addUserNamespace || (user !== undefined && !user.path);
  if (!makesUser && (input.userns ?? "auto") !== "auto") {
    throw new BrunError("the container gets no new user namespace", {
      where: "--userns",
      hint: "root's has one when its config has; as an ordinary user it always has",
    });
  }
  const ids = makesUser ? maps(input) : null;
  const changes: Change[] = ids?.changes ?? [];
  let spec = withoutOldPidsLimit(input.spec);
  if (input.bindProc !== undefined) spec = bindProc(spec, input.bindProc, changes);
  if (rootless) {
    const adapted = userNamespaceFirst(spec, {
      addUserNamespace,
      maps: ids?.maps ?? null,
      ownMaps: user?.path ? undefined : input.ownMaps,
      rlimits: input.rlimits,
      oomScoreAdj: input.oomScoreAdj,
      lacksSetattr: input.lacksSetattr,
    });
    spec = adapted.spec;
    changes.push(...adapted.changes);
  }
  const keepsGroups = (spec.annotations?.[KEEP_GROUPS] ?? "0") !== "0";
  if (keepsGroups) spec = withoutGroups(spec);
  const plan = planNamespaces(spec);
  const joined = found(plan.joins, (j) => j.flag === CLONE.NEWUSER);
  const selfMapped = ids !== null && !caller.privileged && selfMappable(ids.maps, caller.uid, caller.gid);
  const allowed =
    ids === null
      ? joined === undefined || (caller.privileged && !input.setgroupsDenied(joined.path))
      : !deniesSetgroups(ids.maps, caller);
  const setgroups = allowed && !selfMapped && !(rootless && input.setgroupsDenied());
  const root = spec.root?.path;
  if (!root)
    throw new BrunError("root.path is missing: it names the root file system", { where: "root.path" });
  spec = withIdmapOptions(spec, ids?.maps ?? null);
  each(spec.mounts ?? [], refuseBindData);
  const rootfs = absolute(root, input.bundle);
  return {
    ...plan,
    spec: withoutRoot(spec, rootfs),
    rootfs,
    maps: ids?.maps ?? null,
    selfMapped,
    openSources: ids !== null && !selfMapped && toHost(ids.maps.uid, 0) !== caller.uid,
    setgroups: setgroups && !keepsGroups,
    dropGroups: (joined !== undefined && caller.privileged && !allowed && !keepsGroups) || undefined,
    changes,
  };
}

/**
 * Before runtime-spec 1.3.0 a pids.limit of 0 meant none, and podman 4 writes "unlimited" so. Since 1.3.0 it is a
 * limit.
 */
function withoutOldPidsLimit(spec: Spec): Spec {
  const { linux, ociVersion } = spec;
  const limit = linux?.resources?.pids?.limit;
  if (limit === undefined || Number(limit) !== 0) return spec;
  if ((minorVersion(ociVersion) ?? LATEST_MINOR) >= 3) return spec;
  const { pids: _, ...resources } = linux!.resources!;
  return { ...spec, linux: { ...linux, resources } };
}

/** crun's annotation: setgroups(2) is not called, so that the program can reach files of the caller's groups. */
const KEEP_GROUPS = "run.oci.keep_original_groups";

function withoutGroups(spec: Spec): Spec {
  const { additionalGids: _, ...user } = spec.process?.user ?? {};
  return { ...spec, process: { ...spec.process!, user } as Spec["process"] };
}

/** The module is loaded late, since few mounts have mappings in their options. */
function withIdmapOptions(spec: Spec, maps: IdMaps | null): Spec {
  const has = (option: string) => option.startsWith("idmap=") || option.startsWith("ridmap=");
  if (!any(spec.mounts, (mount) => any(mount.options, has))) return spec;
  const { withIdmapOption } = idmapOptionModule();
  return { ...spec, mounts: mapped(spec.mounts!, (mount, i) => withIdmapOption(mount, i, maps)) };
}

/**
 * Refuses an option that is meant for a file system. The kernel would ignore it on a bind mount, a misspelt "ro"
 * for example. runc refuses it, too.
 */
function refuseBindData(mount: Mount, index: number): void {
  // Most mounts are of file systems, and those have options of their own.
  if (mount.type !== "bind" && !any(mount.options, (option) => option.endsWith("bind"))) return;
  const options = parseMountOptions(mount.options ?? []);
  if (options.data === "" || !isBind(mount, options)) return;
  throw new BrunError(`a bind mount has no option ${quoted(options.data)}`, {
    where: `mounts[${index}].options`,
    hint: "`brun features` lists those that there are",
  });
}

/** If a mount's destination begins with the host path of the root, that part is cut off, as by runc. */
function withoutRoot(spec: Spec, rootfs: string): Spec {
  if (!any(spec.mounts, (m) => below(rootfs, m.destination) !== null)) return spec;
  const mounts = mapped(spec.mounts ?? [], (m) => ({
    ...m,
    destination: below(rootfs, m.destination) ?? m.destination,
  }));
  return { ...spec, mounts };
}

/** Maps of a new user namespace: those of the spec, otherwise the caller's default. */
function maps(input: ResolveInput): { maps: IdMaps; changes: Change[] } {
  const { uidMappings, gidMappings } = input.spec.linux ?? {};
  const mode = input.userns ?? "auto";
  if (uidMappings?.length && gidMappings?.length) {
    if (mode !== "auto") {
      throw new BrunError("--userns is refused: the config has id mappings of its own", {
        where: "--userns",
        hint: "leave out the flag, or linux.uidMappings and linux.gidMappings",
      });
    }
    return { maps: { uid: toIdMap(uidMappings), gid: toIdMap(gidMappings) }, changes: [] };
  }
  if (!input.rootless) {
    const missing = uidMappings?.length ? "gidMappings" : "uidMappings";
    throw new BrunError("a new user namespace needs id mappings", {
      where: `linux.${missing}`,
      hint: "add them, or run as an ordinary user, who gets a default",
    });
  }
  const chosen = chooseIds({
    caller: input.caller,
    mode,
    subids: input.subids,
    obstacle: input.obstacle ?? (() => null),
    needsMore: needsMoreIds(input.spec),
    lesserRoot: input.lesserRoot ?? false,
  });
  const given: IdMaps = {
    uid: uidMappings?.length ? toIdMap(uidMappings) : chosen.maps.uid,
    gid: gidMappings?.length ? toIdMap(gidMappings) : chosen.maps.gid,
  };
  return { maps: given, changes: describeMaps(chosen) };
}

/** Whether the process needs other ids than the container's root. */
function needsMoreIds({ process, linux }: Spec): boolean {
  const { uid = 0, gid = 0, additionalGids = [] } = process?.user ?? {};
  if (uid !== 0 || gid !== 0 || any(additionalGids, (id) => id !== 0)) return true;
  return Boolean(linux?.uidMappings?.length || linux?.gidMappings?.length);
}

function describeMaps(chosen: ChosenIds): Change[] {
  const lines = (kind: "uid" | "gid"): Change[] =>
    chosen.maps[kind].map((m, i) => {
      const origin = chosen.origins[kind][i] ?? "caller";
      return {
        where: `linux.${kind}Mappings[${i}]`,
        what: `map ${m.size} id${m.size === 1 ? "" : "s"} from ${m.containerId} to ${m.hostId}`,
        why: `from ${origin}`,
        origin,
      };
    });
  const fewer: Change[] =
    chosen.obstacle === null
      ? []
      : [{ where: "linux.uidMappings", what: "map one id", why: chosen.obstacle, tellOnce: "--userns" }];
  return [...fewer, ...lines("uid"), ...lines("gid")];
}
