/**
 * Makes config.json from flags: the container of `brun run --rootfs` and `--host`. Pure except for the view,
 * which asks the machine. It makes no files. Reads as a table of contents.
 */

import type { NamedUser } from "../config/user-names.ts";
import { IMAGE_ANNOTATION } from "../image/container-image.ts";
import type { Hook, Hooks, Linux, Namespace, Process, Seccomp, Spec } from "../spec/index.ts";
import { specTemplate } from "../spec/template.ts";
import { lazy } from "../sys/lazy.ts";
import { sandboxCapabilities } from "./capabilities.ts";
import { cdiLinux, cdiNotices, withCdiHooks } from "./cdi.ts";
import { deviceRules } from "./devices.ts";
import { environmentOf, fixedEnvironment } from "./environment.ts";
import { checkFakesFor, fakeRootMounts, withFakeRoot } from "./fake-root.ts";
import { givenAnnotations, givenUmask, oomScoreAdj, sysctls, withSharedMemory } from "./fields.ts";
import { type FuseMount, fuseHook, fuseMountPoint } from "./fuse.ts";
import { hostPath } from "./host-path.ts";
import type { Placed } from "./mounts.ts";
import { checkConnectable, type Network, networkOf } from "./network.ts";
import type { SandboxOptions } from "./options.ts";
import { ordered } from "./order.ts";
import { ownHook } from "./own-hook.ts";
import { coverOwnState, type ShownRoot } from "./own-state.ts";
import { Places, within } from "./places.ts";
import { type Protection, protect } from "./protected.ts";
import { sandboxResources } from "./resources.ts";
import { defaultSeccomp } from "./seccomp.ts";
import { type Hidden, hiddenPlaces, hidingCover, secretNotices } from "./secrets.ts";
import { securityOf } from "./security.ts";
import { systemMounts } from "./system.ts";
import { type PlacedTree, placeTree } from "./tree.ts";
import { ulimits } from "./ulimits.ts";
import { UPPER_ANNOTATION } from "./upper-lock.ts";
import { aloneMaps, isAlone, type SandboxMaps, sandboxMaps, sandboxUser } from "./user.ts";
import type { HostView } from "./view.ts";
import { volumes, writablePaths } from "./volumes.ts";
import { emptyDirectory, workingDirectory } from "./workdir.ts";

const auditModule = lazy<typeof import("./audit/audit.ts")>(() => require("./audit/audit.ts"));
const recordModule = lazy<typeof import("../seccomp/record/record.ts")>(() =>
  require("../seccomp/record/record.ts"),
);

/** The umask that runc gives a process. */
const DEFAULT_UMASK = 0o022;

/** The config, with notices and instructions. */
export interface Sandbox {
  readonly spec: Spec;
  /** The mounts of spec.mounts, with their purposes. */
  readonly placed: readonly Placed[];
  /** Warnings, one line each. */
  readonly notices: readonly string[];
  /** Directories of brun that must be made before the run. */
  readonly make: readonly string[];
  /** The files that --rw protects. */
  readonly protection: Protection;
  /**
   * The reason why the kernel's overlays are insufficient where the program works, if fuse-overlayfs might
   * help. Otherwise null.
   */
  readonly wanting: string | null;
  /** The environment without variables that are only passed on; null if none are passed on. */
  readonly fixedEnvironment: () => readonly string[] | null;
}

/** Settings for the root that do not come from flags. */
export interface SandboxLimits {
  /** Directories over which the kernel refuses an overlay; true: all. They become read-only instead. */
  readonly noOverlay?: ReadonlySet<string> | true;
  /** The mount of fuse-overlayfs for the root. */
  readonly fuse?: FuseMount | undefined;
}

/** Makes the config. Throws a BrunError that names the flag. */
export function sandboxSpec(options: SandboxOptions, view: HostView, limits: SandboxLimits = {}): Sandbox {
  if (options.fakeRoot) checkFakesFor(view);
  const who = sandboxUser(options, view);
  const network = networkOf(options, view);
  const { fuse } = limits;
  const maps = fuse === undefined ? sandboxMaps(options, view, who.user) : aloneMaps(view, who.user);
  const keepsIds = maps !== null && hasCaller(maps, view);
  checkConnectable(network, options, keepsIds && !isAlone(maps));
  const refused = limits.noOverlay ?? new Set();
  const none = { mounts: [], notices: [], wanting: null };
  const hidden = hiddenPlaces(options, view, options.user === undefined ? null : who.home);
  const root = fuse === undefined ? placeRoot(options, view, maps, refused, hidden.places) : none;
  const shown: Placed[] = [
    ...root.mounts.map((mount) => ({ mount, origin: "root" as const, flag: rootFlag(options) })),
    ...withSharedMemory(systemMounts(options, view, keepsIds), options).map((mount) => ({
      mount,
      origin: "system" as const,
      flag: "",
    })),
    ...fakeRootMounts(options, view),
    ...ordered(
      [...writablePaths(options, view), ...imageVolumes(options), ...volumes(options, view)],
      [
        ...hidden.places.map((place) => ({
          mount: hidingCover(place, view),
          origin: "secret" as const,
          flag: "--host (hidden)",
        })),
        ...network.mounts.map((mount) => ({
          mount,
          origin: "file" as const,
          flag: network.mode === "names" ? "--allow-net" : `--network ${network.mode}`,
        })),
      ],
      placeOf(options, view),
    ),
  ];
  const protection = protect(shown, options, view);
  const rootShown = shownRoot(options, fuse !== undefined);
  const { placed, make } = coverOwnState(protection.placed, rootShown, who.user, view);
  const spec: Spec = {
    ociVersion: "1.3.0",
    process: processOf(options, view, who, placed),
    root: { path: fuse === undefined ? rootPath(options) : fuseMountPoint(fuse), readonly: options.readOnly },
    hostname: options.hostname ?? (options.root.kind === "host" ? view.hostname : options.id),
    mounts: placed.map(({ mount }) => mount),
    ...hooksOf(withCdiHooks(network.hooks, options, view), fuse, view),
    annotations: {
      // Through these groups the caller has access to its files.
      ...(options.root.kind === "host" && { "run.oci.keep_original_groups": "1" }),
      // No flag asks for the default name, so it may fail.
      ...(options.hostname === undefined && { "org.brun.hostname": "try" }),
      ...(options.init && { "org.brun.init": "true" }),
      ...(options.nesting && { "org.brun.nesting": "true" }),
      ...(options.upper !== undefined && { [UPPER_ANNOTATION]: options.upper }),
      ...givenAnnotations(options),
      ...imageAnnotation(options),
    },
    linux: linuxOf(options, view, maps, network),
  };
  const empty = emptyDirectory(options, view, placed);
  const notices = [
    ...root.notices,
    ...cdiNotices(options, view),
    ...noticesOf(options, hidden, view),
    ...(empty === null ? [] : [empty]),
  ];
  const { wanting } = root;
  const fixedVariables = () => fixedEnvironment(options, view, who);
  return secured(
    { spec, placed, notices, wanting, make, protection, fixedEnvironment: fixedVariables },
    options,
    view,
  );
}

/** Whether the caller has its own id inside. With fuse-overlayfs it may be root instead. */
function hasCaller({ uidMappings }: SandboxMaps, { caller: { uid } }: HostView): boolean {
  return uidMappings.some(({ containerID, size }) => containerID <= uid && uid < containerID + size);
}

/** Links of another root are not resolved here. They are followed in that root when it is mounted. */
function placeOf({ root }: SandboxOptions, view: HostView): (destination: string) => string {
  const places = new Places(view);
  return root.kind === "host" ? (path) => places.way(path).end : (path) => path;
}

function hooksOf(hooks: Hooks | undefined, fuse: FuseMount | undefined, view: HostView): Pick<Spec, "hooks"> {
  const all = fuse === undefined ? hooks : withHook(hooks, fuseHook(fuse, view));
  return all === undefined ? {} : { hooks: all };
}

/** Adds the hook that unmounts the root, as the last one. */
function withHook(hooks: Hooks | undefined, last: Hook): Hooks {
  return { ...hooks, poststop: [...(hooks?.poststop ?? []), last] };
}

/** Which image it is, for `image commit` and `image remove`. */
function imageAnnotation({ root }: SandboxOptions): Record<string, string> {
  return root.kind === "host" || root.manifest === undefined ? {} : { [IMAGE_ANNOTATION]: root.manifest };
}

function rootPath({ root }: SandboxOptions): string {
  return root.kind === "host" ? "/" : root.path;
}

function rootFlag({ root }: SandboxOptions): string {
  if (root.kind === "host") return "--host";
  return root.image === undefined ? `--rootfs ${root.path}` : `--image ${root.image}`;
}

function shownRoot(options: SandboxOptions, fuse: boolean): ShownRoot {
  return {
    path: rootPath(options),
    flag: rootFlag(options),
    writes: fuse ? "copy" : options.writable ? "host" : undefined,
    upper: options.upper,
    keeps: options.keep !== undefined,
  };
}

/** Directories that a sandbox replaces. They are not taken from another root, nor from the host. */
const OWN = ["/dev", "/proc", "/sys"];
const OWN_OF_HOST = [...OWN, "/run", "/lost+found"];

function placeRoot(
  options: SandboxOptions,
  view: HostView,
  maps: SandboxMaps | null,
  refused: NonNullable<SandboxLimits["noOverlay"]>,
  hidden: readonly string[],
): PlacedTree {
  if (options.root.kind === "rootfs" && options.writable) return { mounts: [], notices: [], wanting: null };
  const host = options.root.kind === "host";
  const work = host ? (view.environment.HOME ?? "/") : rootPath(options);
  return placeTree(rootPath(options), "/", {
    view,
    overlay: refused !== true,
    // The root of --rootfs becomes read-only as a whole, after all mount points are made.
    readOnly: options.overlay === "none" || (host && options.readOnly),
    apart: new Set(hidden.flatMap(above)),
    refused: refused === true ? new Set() : refused,
    upper: options.upper,
    keepsBy: options.keep === undefined ? "--upper" : "--keep",
    owner: isAlone(maps) ? "caller" : "root",
    keepsIds: maps !== null,
    writable: host ? [work, null, "/var/tmp"] : [],
    work: {
      isAt: (path) => path === work || (host && view.here.isAt(path)),
      isIn: (path) => within(path, work) || (host && view.here.isIn(path)),
    },
    skip: new Set([...(host ? OWN_OF_HOST : OWN), ...hidden]),
  });
}

/** The parent directories of a path. */
function above(path: string): string[] {
  const parts = path.split("/").slice(1, -1);
  return parts.map((_, i) => `/${parts.slice(0, i + 1).join("/")}`);
}

/** An image's volumes, if the root is read-only: tmpfs that begin with a copy of the image's directory. */
function imageVolumes({ imageVolumes = [] }: SandboxOptions): Placed[] {
  const options = ["nosuid", "nodev", "tmpcopyup"];
  return imageVolumes.map((destination) => ({
    mount: { destination, type: "tmpfs", source: "tmpfs", options },
    origin: "tmpfs",
    flag: "--image (VOLUME)",
  }));
}

function noticesOf(options: SandboxOptions, hidden: Hidden, view: HostView): string[] {
  if (options.root.kind !== "host" || options.withSecrets) return [];
  return secretNotices(
    hidden,
    view,
    options.rw.map((path) => hostPath(path, view)),
  );
}

function processOf(
  options: SandboxOptions,
  view: HostView,
  who: NamedUser,
  placed: readonly Placed[],
): Process {
  const host = options.root.kind === "host";
  const env = environmentOf(options, view, who);
  const rlimits = ulimits(options.ulimit);
  const umask = givenUmask(options) ?? (host && view.umask !== DEFAULT_UMASK ? view.umask : undefined);
  const oom = oomScoreAdj(options);
  return {
    terminal: options.terminal,
    user: { ...who.user, ...(umask !== undefined && { umask }) },
    args: options.args.length > 0 ? [...options.args] : [shell(options, view)],
    env,
    cwd: workingDirectory(options, view, placed),
    ...(rlimits && { rlimits }),
    ...(oom !== undefined && { oomScoreAdj: oom }),
    capabilities: sandboxCapabilities(options.capAdd, options.capDrop, who.user.uid ?? 0),
  };
}

/** The caller's shell, or the first shell that exists in the root. */
function shell(options: SandboxOptions, view: HostView): string {
  const { root } = options;
  const host = root.kind === "host";
  const candidates = [...(host ? [view.environment.SHELL ?? ""] : []), "/bin/bash", "/bin/sh"];
  const isThere = (path: string) => (host ? view.entry(path) !== null : view.isInRoot(root.path, path));
  return candidates.find((path) => path.startsWith("/") && isThere(path)) ?? "/bin/sh";
}

function linuxOf(options: SandboxOptions, view: HostView, maps: SandboxMaps | null, network: Network): Linux {
  const types: Namespace["type"][] = ["pid", "ipc", "uts", "mount"];
  if (view.cgroup2) types.push("cgroup");
  if (network.mode !== "host") types.push("network");
  if (view.rootless) types.push("user");
  const limits = sandboxResources(options);
  const sysctl = sysctls(options);
  // Only root can reach the host's devices. So a user namespace needs no rules.
  const rules = [{ allow: false, access: "rwm" }, ...deviceRules(options, view)];
  const resources = view.nested ? limits : { devices: rules, ...limits };
  return {
    namespaces: types.map((type) => ({ type })),
    ...maps,
    ...(resources && { resources }),
    ...(sysctl && { sysctl }),
    ...cdiLinux(options, view),
  };
}

/** Paths that podman and docker mask, in addition to the config of `brun spec`. */
const MASKED_BESIDES = [
  "/proc/interrupts",
  "/sys/dev/block",
  "/sys/devices/virtual/powercap",
  "/sys/fs/selinux",
];

/**
 * Whether the program may have the id of the host's root, who owns the files in /proc. Without it masks only
 * hide harmless files, and would prevent a container inside from mounting a procfs.
 */
function isHostRoot({ follow, caller }: HostView): boolean {
  const owner = follow("/proc/sys")?.uid;
  return owner === undefined || owner === caller.uid;
}

/** The filter and the hooks that record system calls for --seccomp-record. */
function recordingOf(
  { seccompRecord: file, id }: SandboxOptions,
  filter: Seccomp | null,
  hooks: Hooks | undefined,
  view: HostView,
): { filter: Seccomp; hooks: Hooks } | null {
  if (file === undefined) return null;
  const { agentSocket, agentDirectory, recordingFilter, syscallNames, withAgentHooks, recordRequest } =
    recordModule();
  const place = { directory: agentDirectory(view.stateDirectory), id };
  return {
    filter: recordingFilter(filter, agentSocket(place), { names: syscallNames, has: () => true }),
    hooks: withAgentHooks(hooks, "seccomp-record", place, recordRequest({ file, filter }), ownHook(view)),
  };
}

/** Adds seccomp, no_new_privs and paths: the defaults, changed by --security-opt. */
function secured(sandbox: Sandbox, options: SandboxOptions, view: HostView): Sandbox {
  const { spec } = sandbox;
  const template = specTemplate(false, { ...view.caller, cgroup2: view.cgroup2 }).linux;
  const bare = options.nesting && !isHostRoot(view);
  const shown = (path: string) => bare && within("/proc", path);
  const masked = [...(template?.maskedPaths ?? []), ...MASKED_BESIDES].filter((path) => !shown(path));
  const paths = { masked, readonly: (template?.readonlyPaths ?? []).filter((path) => !shown(path)) };
  const security = securityOf(options.securityOpt, paths, view);
  const chosen =
    security.seccomp === undefined
      ? defaultSeccomp(spec.process.capabilities?.bounding ?? [], options.nesting)
      : security.seccomp;
  const filter = options.fakeRoot ? withFakeRoot(chosen) : chosen;
  const recorded =
    recordingOf(options, filter, spec.hooks, view) ??
    (options.audit && auditModule().auditOf(options, filter, spec.hooks, view)) ??
    null;
  const seccomp = recorded === null ? filter : recorded.filter;
  return {
    ...sandbox,
    spec: {
      ...spec,
      ...(recorded && { hooks: recorded.hooks }),
      process: {
        ...spec.process,
        noNewPrivileges: security.noNewPrivileges ?? options.root.kind === "host",
        ...(security.apparmorProfile && { apparmorProfile: security.apparmorProfile }),
      },
      linux: {
        ...spec.linux,
        ...(seccomp !== null && { seccomp }),
        maskedPaths: security.maskedPaths,
        readonlyPaths: security.readonlyPaths,
      },
    },
  };
}
