/** Makes the config that is compiled, from a spec and the caller's options. It asks all questions to the host. */

import { type Caller, mayMakeContainers, ownMaps, setgroupsDenied } from "../../../rootless/caller.ts";
import { rangesObstacle } from "../../../rootless/default-ids.ts";
import { loadSubids } from "../../../rootless/subid.ts";
import { validateMaps, validatePermitted } from "../../../rootless/validate.ts";
import type { CgroupPlan } from "../../config/cgroup-plan.ts";
import { raisedLimits } from "../../config/limits.ts";
import { type Resolved, resolve } from "../../config/resolve.ts";
import type { ContainerConfig, HostFacts } from "../../config/types.ts";
import { BrunError } from "../../errors.ts";
import { fileType } from "../../host/ask.ts";
import { lowestOomScoreAdj } from "../../host/oom-score-adj.ts";
import { compiling } from "../../host/recorder.ts";
import type { Mount, Process, Spec } from "../../spec/index.ts";
import { CLONE } from "../../sys/constants.ts";
import { S } from "../../sys/fs.ts";
import { lazy } from "../../sys/lazy.ts";
import { any, each, mapped } from "../../sys/lists.ts";
import { gatherFacts, hardLimits } from "../host/facts.ts";
import { seccompFilter } from "../host/filter.ts";
import { kernelMounts } from "../host/kernel-mounts.ts";
import { lackingCalls } from "../host/lacking-calls.ts";
import { listenFds } from "../io/listen-fds.ts";
import type { Notify } from "../io/notify.ts";
import { tellOnce } from "../io/tell-once.ts";
import { clonesInto, decideCgroup } from "../resources/cgroup.ts";
import { callerIdentity, inFirstNamespace, isRootless } from "../state/root.ts";
import { makeFifo, saveFilter } from "../state/store.ts";
import type { CreateOptions, LaunchMode, Runtime } from "../types.ts";

const hostSourcesModule = lazy<typeof import("../host/host-sources.ts")>(() =>
  require("../host/host-sources.ts"),
);
const hostDevicesModule = lazy<typeof import("../host/host-devices.ts")>(() =>
  require("../host/host-devices.ts"),
);
const resctrlModule = lazy<typeof import("../resources/resctrl.ts")>(() =>
  require("../resources/resctrl.ts"),
);
const securityModulesModule = lazy<typeof import("../host/security-modules.ts")>(() =>
  require("../host/security-modules.ts"),
);

/** Whether user-namespace-first applies: to callers who are not root, or root of a user namespace, or of too few capabilities. */
function runsRootless(rt: Runtime): boolean {
  return rt.rootless === "auto" ? isRootless(callerIdentity()) : rt.rootless;
}

/** Whether a spec without a user namespace gets one: root of a user namespace may have the rights that it takes. */
export function addsUserNamespace(rt: Runtime): boolean {
  return runsRootless(rt) && (callerIdentity().euid !== 0 || rt.rootless === true || !mayMakeContainers());
}

/** The input from which a container's config is decided. */
export interface Given {
  readonly rt: Runtime;
  readonly options: CreateOptions;
  /** Its absolute path. */
  readonly bundle: string;
  readonly spec: Spec;
  readonly caller: Caller;
  readonly notify: Notify | null;
  /** Why a procfs cannot be mounted, where that has been tried. */
  readonly procRefusal?: string | undefined;
}

/** Decides, and makes what the config names: the FIFO and the filter's file. Throws a BrunError for what cannot be run. */
export function decide(given: Given, mode: LaunchMode, preserveFds: number): ContainerConfig {
  const { rt, options } = given;
  const [config, seccomp] = compiling(() => {
    const decided = decideOnly(given);
    return [decided, seccompFilter(rt, decided.spec)] as const;
  });
  // For `exec`.
  if (seccomp !== null) saveFilter(rt.root, options.id, seccomp.bpf);
  each(config.changes, ({ where, what, why, warn, tellOnce: flag }) => {
    if (warn) rt.warn(`${where}: ${what}: ${why}`);
    if (flag !== undefined) tellOnce(rt, flag.slice(2), `${flag}=auto: ${what}: ${why}`);
  });
  // A caller who is told that the outer pid namespace is used needs no advice against it.
  if (config.cgroup === null && !inPidNamespace(config) && options.proc !== "bind") {
    rt.warn(
      "the container has neither a cgroup nor a pid namespace of its own: such a configuration is strongly " +
        "discouraged, kill and delete cannot reach all of its processes",
    );
  }
  return {
    ...config,
    preserveFds,
    seccomp,
    execFifo: mode.waitForStart ? makeFifo(rt.root, options.id) : null,
  };
}

function inPidNamespace({ cloneFlags, joins }: ContainerConfig): boolean {
  return (cloneFlags & CLONE.NEWPID) !== 0 || any(joins, (join) => join.flag === CLONE.NEWPID);
}

/** Annotation: with the value "true" an init is process 1. */
const INIT_ANNOTATION = "org.brun.init";

/** {@link decide} without a trace on the host, and without filter and FIFO. Throws a BrunError. */
export function decideOnly(given: Given): ContainerConfig {
  const { rt, options, bundle, spec, caller, notify, procRefusal } = given;
  const rootless = runsRootless(rt);
  const rlimits = hardLimits(mapped(spec.process?.rlimits ?? [], (l) => l.type));
  const resolved = resolve({
    spec: notify === null ? spec : notify.spec,
    bundle,
    caller,
    rootless,
    addUserNamespace: addsUserNamespace(rt),
    subids: () => loadSubids(caller.uid, caller.userName),
    userns: options.userns,
    bindProc: options.proc === "bind" ? (procRefusal ?? "--proc=bind says so") : undefined,
    obstacle: (subids) => rangesObstacle(caller, subids),
    lesserRoot: caller.uid === 0 && !mayMakeContainers(),
    ownMaps: inFirstNamespace() ? undefined : ownMaps,
    rlimits,
    setgroupsDenied,
    lacksSetattr: () => lackingCalls()?.has("mount_setattr") === true,
    oomScoreAdj:
      rootless && spec.process?.oomScoreAdj !== undefined
        ? lowestOomScoreAdj(spec.process.oomScoreAdj)
        : -1000,
  });
  checkNames(bundle, resolved.rootfs);
  checkRootfs(resolved.rootfs);
  if (resolved.maps !== null) {
    validateMaps(resolved.maps);
    if (!caller.privileged && !resolved.selfMapped) {
      validatePermitted(resolved.maps, caller, loadSubids(caller.uid, caller.userName));
    }
  }
  checkHost(resolved.spec, caller);
  checkLabels(resolved.spec.process!, resolved.spec.linux?.mountLabel);
  const cgroup = decideCgroup(rt, options.id, rootless, resolved.spec);
  const inUserNamespace = resolved.maps !== null || any(resolved.joins, (j) => j.flag === CLONE.NEWUSER);
  return {
    ...resolved,
    id: options.id,
    bundle,
    privileged: !rootless && !inUserNamespace,
    raisedLimits: !rootless && inUserNamespace ? raisedLimits(resolved.spec.process!, rlimits) : undefined,
    facts: {
      ...facts(resolved, bundle, caller, cgroup),
      kernelMounts: options.noPivot ? kernelMounts(resolved.rootfs) : undefined,
    },
    cgroup,
    cloneInto: resolved.joins.length === 0 ? clonesInto(cgroup) : null,
    seccomp: null,
    noPivot: options.noPivot,
    newKeyring: !options.noNewKeyring,
    preserveFds: options.preserveFds,
    realRoot: options.realRoot,
    init: options.init ?? resolved.spec.annotations?.[INIT_ANNOTATION] === "true",
    dieWithParent: options.dieWithParent,
    extraEnv: [...listenFds().env, ...(notify?.env ?? [])],
    placement: resolved.spec.linux,
    execFifo: null,
  };
}

function facts(resolved: Resolved, bundle: string, caller: Caller, cgroup: CgroupPlan | null): HostFacts {
  const { spec, maps, joins } = resolved;
  const found = gatherFacts(spec, bundle, cgroup);
  const mounts = spec.mounts ?? [];
  const idMapped = (mount: Mount) =>
    mount.uidMappings !== undefined || any(mount.options, (o) => o.endsWith("idmap"));
  // Root with too few capabilities opens nothing in its own mount namespace for a container.
  const opensForIt = maps !== null && caller.privileged && mayMakeContainers();
  if (!opensForIt && !any(mounts, idMapped)) return found;
  const { hostSources } = hostSourcesModule();
  const joined = joins.find((join) => join.flag === CLONE.NEWUSER);
  const sources = hostSources(mounts, bundle, resolved.rootfs, maps ?? joined?.path ?? null, caller);
  const listed = spec.linux?.devices ?? [];
  if (!opensForIt || listed.length === 0) return { ...found, ...sources };
  const { hostDevices } = hostDevicesModule();
  return { ...found, ...sources, devices: hostDevices(listed, maps) };
}

/** Checks fields that need something that the host may not have, or that this caller may not use. */
function checkHost({ linux }: Spec, caller: Caller): void {
  if (linux?.intelRdt !== undefined) resctrlModule().resctrlMount();
  if (linux?.netDevices === undefined || (caller.privileged && mayMakeContainers())) return;
  const [name] = Object.keys(linux.netDevices);
  if (name === undefined) return;
  throw new BrunError("a network device of the host can be moved by root alone", {
    where: `linux.netDevices.${name}`,
    hint: "leave it out; pasta or slirp4netns give a rootless container a network",
  });
}

/** Labels need their security module; nearly no container has one, so what checks it is loaded then. */
export function checkLabels(process: Process, mountLabel?: string): void {
  if (!process.apparmorProfile && !process.selinuxLabel && !mountLabel) return;
  const { checkSecurityModules } = securityModulesModule();
  checkSecurityModules(process, mountLabel);
}

/** The state of a container names both, for hooks and for `state`. */
function checkNames(bundle: string, rootfs: string): void {
  const why = "has bytes that are not UTF-8, which the container's state, JSON, cannot hold";
  const hint = "rename it, or make a symbolic link to it";
  if (!bundle.isWellFormed()) throw new BrunError(`the bundle's path ${bundle} ${why}`, { hint });
  if (!rootfs.isWellFormed()) throw new BrunError(`${rootfs} ${why}`, { where: "root.path", hint });
}

function checkRootfs(rootfs: string): void {
  const type = fileType(rootfs);
  if (type < 0) {
    throw new BrunError(`the root file system ${rootfs} cannot be reached`, {
      where: "root.path",
      hint: type === -13 ? "a directory on the way to it may not be searched" : "it does not exist",
    });
  }
  if (type !== S.IFDIR) throw new BrunError(`${rootfs} is not a directory`, { where: "root.path" });
}
