/**
 * Where the state of containers lives when `--root` does not say: `$XDG_RUNTIME_DIR/brun` for users,
 * `/run/brun` for root, `/tmp/brun-UID` for users without a runtime directory that they can write to, `/dev/shm/brun-UID` where
 * that cannot be either. The front chooses by the same rules, except the last one: nsenter/front/root.c.
 */
import { mayMakeContainers } from "../../../rootless/caller.ts";
import { BrunError } from "../../errors.ts";
import { call, readlink, readTextIfThere, tryStat, variable } from "../../host/ask.ts";
import { status } from "../../host/ask-files.ts";
import {
  FIRST_ID_MAP,
  FIRST_USER_NAMESPACE,
  RUNTIME_ROOT_MODE,
  RUNTIME_ROOT_NAME,
  SHARED_ROOT_MODE,
  SHARED_ROOT_NAME,
  SYSTEM_ROOT,
} from "../../plan/abi.ts";
import { E, errnoText } from "../../sys/errno.ts";
import { cstr, NR, syscall } from "../../sys/ffi.ts";
import { AT_FDCWD, absolute, mkdir, S } from "../../sys/fs.ts";

/** The facts on which the choice depends, from {@link callerIdentity}. */
export interface CallerIdentity {
  readonly euid: number;
  /** Text of /proc/self/uid_map; "" in the first user namespace. Looked at only when `euid` is 0. */
  readonly uidMap: () => string;
  /** Capabilities that making containers takes are missing. Looked at only when `euid` is 0; not so unless given. */
  readonly lacksCapabilities?: () => boolean;
  readonly env: { readonly USER?: string | undefined; readonly XDG_RUNTIME_DIR?: string | undefined };
  /** Whether a directory, an absolute path, can have the state directory of that name and mode in it; {@link isUsable}. */
  readonly usable: (directory: string, name?: string, mode?: number) => boolean;
}

const variables: CallerIdentity["env"] = {
  get USER() {
    return variable("USER");
  },
  get XDG_RUNTIME_DIR() {
    return variable("XDG_RUNTIME_DIR");
  },
};

/** The calling process. */
export function callerIdentity(): CallerIdentity {
  return {
    euid: call("geteuid"),
    uidMap: () => (inFirstNamespace() ? "" : (readTextIfThere("/proc/self/uid_map") ?? "")),
    lacksCapabilities: () => !mayMakeContainers(),
    env: variables,
    usable: isUsable,
  };
}

const W_OK_X_OK = 3;

/** Whether a state directory is possible: its parent is writable, or has a usable one. */
function isUsable(directory: string, name = RUNTIME_ROOT_NAME, mode: number = RUNTIME_ROOT_MODE): boolean {
  const path = absolute(`${directory}/${name}`);
  return (isFit(path, mode, syscall(NR.geteuid)) && isWritable(path)) || isWritable(directory);
}

function isWritable(directory: string): boolean {
  return syscall(NR.faccessat, AT_FDCWD, cstr(directory), W_OK_X_OK) === 0;
}

/** Whether a state directory exists that only the caller can use, with the right mode. */
function isFit(path: string, mode: number, euid: number): boolean {
  const found = status(path, true);
  return typeof found !== "number" && found.mode === (S.IFDIR | mode) && found.uid === euid;
}

/** Whether the caller is in the first user namespace, the host's. */
export function inFirstNamespace(): boolean {
  try {
    return readlink("/proc/self/ns/user") === FIRST_USER_NAMESPACE;
  } catch {
    return false;
  }
}

/**
 * Whether a uid_map is that of a user namespace other than the first: the first maps every id to itself
 * (user_namespaces(7)).
 */
export function inUserNamespace(uidMap: string): boolean {
  return uidMap !== "" && uidMap !== FIRST_ID_MAP;
}

/**
 * Whether the caller is to be treated as an ordinary user: not root; root in a user namespace only, who has no say over
 * the host's cgroups and devices; or root with too few capabilities, as docker's and podman's containers have it.
 */
export function isRootless(caller: CallerIdentity): boolean {
  return caller.euid !== 0 || inUserNamespace(caller.uidMap()) || caller.lacksCapabilities?.() === true;
}

/** A default state directory and why it was chosen, which decides how it is made and checked. */
export interface DefaultRoot {
  readonly path: string;
  readonly kind: "system" | "runtime-dir" | "tmp";
}

/**
 * The default state directory. As in runc, root in a user namespace uses its runtime directory unless USER=root,
 * which is how a root login in a container looks, whose /run is its own.
 */
export function defaultRoot(caller: CallerIdentity): DefaultRoot {
  const { euid, env } = caller;
  const uidMap = euid === 0 ? caller.uidMap() : "";
  const nested = inUserNamespace(uidMap);
  if (euid === 0 && (!nested || (env.USER === "root" && caller.usable("/run"))))
    return { path: SYSTEM_ROOT, kind: "system" };
  const runtimeDir = env.XDG_RUNTIME_DIR ?? "";
  if (runtimeDir.startsWith("/") && caller.usable(runtimeDir))
    return { path: absolute(`${runtimeDir}/${RUNTIME_ROOT_NAME}`), kind: "runtime-dir" };
  // The uid outside, so that `unshare -r brun list` and `brun list` see the same containers.
  const owner = euid === 0 ? (rootOutside(uidMap) ?? 0) : euid;
  const name = `${SHARED_ROOT_NAME}${owner}`;
  const isFor = (directory: string) => caller.usable(directory, name, SHARED_ROOT_MODE);
  return { path: `${!isFor("/tmp") && isFor("/dev/shm") ? "/dev/shm" : "/tmp"}/${name}`, kind: "tmp" };
}

/**
 * All directories that {@link defaultRoot} may choose for a caller, in this session or another one.
 * @param uidMap text of /proc/self/uid_map; it matters only if `uid` is 0
 */
export function defaultRoots(uid: number, uidMap: string, runtimeDir: string | undefined): string[] {
  const outside = uid === 0 ? (rootOutside(uidMap) ?? 0) : uid;
  return [
    ...(runtimeDir?.startsWith("/") ? [absolute(`${runtimeDir}/${RUNTIME_ROOT_NAME}`)] : []),
    ...[...new Set([uid, outside])].flatMap((id) => [
      `/run/user/${id}/${RUNTIME_ROOT_NAME}`,
      `/tmp/${SHARED_ROOT_NAME}${id}`,
      `/dev/shm/${SHARED_ROOT_NAME}${id}`,
    ]),
    ...(uid === 0 ? [SYSTEM_ROOT] : []),
  ];
}

/** The id outside that a uid_map or gid_map gives to 0; null when it gives none. */
export function rootOutside(map: string): number | null {
  for (const line of map.split("\n")) {
    const [inside, outside] = line.trim().split(/\s+/).map(Number);
    if (inside === 0 && outside !== undefined) return outside;
  }
  return null;
}

/**
 * Makes the default state directory fit for use and returns its path. Where others could have made one in our
 * name (/tmp, someone's runtime directory after `su`) it must be ours alone.
 * @throws BrunError it cannot be made, belongs to someone else, or lets others in
 */
export function useDefaultRoot(caller: CallerIdentity): string {
  const { path, kind } = defaultRoot(caller);
  if (kind === "system") return path;
  const mode = kind === "tmp" ? SHARED_ROOT_MODE : RUNTIME_ROOT_MODE;
  if (isFit(path, mode, caller.euid)) return path;
  const made = mkdir(path, 0o700);
  if (made !== 0 && made !== -E.EEXIST) unusable(path, errnoText(-made));
  const stat = tryStat(path, true);
  if (typeof stat === "number") unusable(path, errnoText(-stat));
  if ((stat.mode & S.IFMT) !== S.IFDIR) unusable(path, "not a directory");
  if (stat.uid !== caller.euid) unusable(path, `owned by uid ${stat.uid}, not by you`);
  if ((stat.mode & 0o077) !== 0) unusable(path, `mode ${(stat.mode & 0o777).toString(8)} lets others in`);
  const result = syscall(NR.fchmodat, AT_FDCWD, cstr(path), mode);
  if (result < 0) unusable(path, errnoText(-result));
  return path;
}

function unusable(path: string, why: string): never {
  throw new BrunError(`cannot keep state in ${path}: ${why}`, {
    hint: "set XDG_RUNTIME_DIR to a directory of yours, or give one with --root",
  });
}

/**
 * The directory that `--root` names, absolute.
 * @throws BrunError it is empty or the root of the file system
 */
export function givenRoot(path: string): string {
  if (path === "") throw new BrunError("--root is empty");
  const clean = path[0] === "/" && !path.includes("//") && !path.includes("/.") && !path.endsWith("/");
  const root = clean ? path : absolute(path);
  if (root === "/") throw new BrunError("--root must not be the root directory, /");
  return root;
}
