/**
 * The config of a process on the host's file system in new namespaces, without a container: for `unshare` and for
 * the trials of `doctor`.
 */
import type { Caller } from "../../rootless/caller.ts";
import type { UsernsMode } from "../modes.ts";
import type { Namespace } from "../spec/index.ts";
import { type ResolveInput, resolve } from "./resolve.ts";
import type { ContainerConfig } from "./types.ts";

/** The program, and the namespaces to make besides the user namespace. */
export interface HostProcess {
  readonly caller: Caller;
  readonly namespaces: readonly Namespace["type"][];
  readonly subids: ResolveInput["subids"];
  readonly obstacle?: ResolveInput["obstacle"];
  /** How its ids are chosen; "auto" by default. */
  readonly userns?: UsernsMode | undefined;
  readonly lesserRoot?: boolean | undefined;
  readonly setgroupsDenied: ResolveInput["setgroupsDenied"];
  readonly args: readonly string[];
  /** NAME=value strings. */
  readonly env: readonly string[];
  /** True if root of the host wants no user namespace; one is made by default. */
  readonly asHostRoot?: boolean | undefined;
}

/** Decides as for a container without mappings whose root is the host's root. Throws a BrunError. */
export function hostProcessConfig({
  caller,
  namespaces,
  subids,
  obstacle,
  userns,
  lesserRoot,
  setgroupsDenied,
  args,
  env,
  asHostRoot = false,
}: HostProcess): ContainerConfig {
  const resolved = resolve({
    spec: {
      ociVersion: "1.0.0",
      process: { args: [...args], user: { uid: 0, gid: 0 }, cwd: "/", env: [...env] },
      root: { path: "/" },
      linux: { namespaces: namespaces.map((type) => ({ type })) },
    },
    bundle: "/",
    caller,
    rootless: !asHostRoot,
    addUserNamespace: !asHostRoot,
    subids,
    obstacle,
    userns,
    lesserRoot,
    rlimits: new Map(),
    oomScoreAdj: 0,
    setgroupsDenied,
  });
  return {
    ...resolved,
    id: "unshare",
    bundle: "/",
    privileged: asHostRoot,
    facts: { terminalSize: null, sources: new Map(), cgroup2: true, cgroupBinds: [] },
    cgroup: null,
    cloneInto: null,
    seccomp: null,
    noPivot: false,
    newKeyring: false,
    dieWithParent: true,
    preserveFds: 0,
    extraEnv: [],
    execFifo: null,
  };
}
