/** A root file system made ready for CRIU's restore: a mount of its own, with every mount point in place. */
import { BrunError } from "../errors.ts";
import type { Mount } from "../spec/index.ts";
import { CLONE, MNT_DETACH, MS, RESOLVE } from "../sys/constants.ts";
import { E, errnoText } from "../sys/errno.ts";
import { check } from "../sys/error.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { absolute, close, O, open, readlink, S, tryStat } from "../sys/fs.ts";
import { any } from "../sys/lists.ts";
import { openat2 } from "../sys/openat2.ts";
import type { Pair } from "./rpc.ts";

/**
 * Runs `use` in a mount namespace of its own, into which CRIU is started: what is mounted for it is seen by nobody
 * else and goes with it. Hooks and whatever follows are to run outside again. Throws a SysError.
 */
export function inOwnMounts<T>(use: () => T): T {
  const before = open("/proc/self/ns/mnt", O.RDONLY);
  const directory = open(".", O.PATH | O.DIRECTORY);
  try {
    check(syscall(NR.unshare, CLONE.NEWNS), "make a mount namespace");
    try {
      mount("none", "/", MS.REC | MS.SLAVE);
      return use();
    } finally {
      check(syscall(NR.setns, before, CLONE.NEWNS), "go back to the mount namespace");
      check(syscall(NR.fchdir, directory), "go back to the directory");
    }
  } finally {
    close(before);
    close(directory);
  }
}

/**
 * Makes the root a mount point, which CRIU wants, and mount points that are missing in it. What is bound from the host
 * is left as it is: there they were when the container ran, and what a container has put in their place meanwhile is not to
 * have anything made on the host. Returns the bind mounts: mount points with links resolved, and their sources. Throws a
 * BrunError or SysError.
 */
export function prepareRoot(rootfs: string, mounts: readonly Mount[], bundle: string): Pair[] {
  mount(rootfs, rootfs, MS.BIND | MS.REC);
  const root = open(rootfs, O.PATH | O.DIRECTORY);
  const real = readlink(`/proc/self/fd/${root}`);
  const bound: Pair[] = [];
  const covered: string[] = [];
  try {
    mounts.forEach((m, i) => {
      if (m.type === "cgroup" || m.type === "cgroup2") return;
      const isBind = m.type === "bind" || any(m.options, (o) => o === "bind" || o === "rbind");
      const source = isBind ? absolute(m.source ?? "", bundle) : "";
      // CRIU restores what is in a tmpfs, mount points too.
      if (isOnTmpfs(m.destination, mounts)) {
        if (isBind) bound.push({ key: absolute(m.destination, "/"), val: source });
        return;
      }
      const fd = ensure(root, m.destination, isBind && !isDirectory(source), `mounts[${i}].destination`);
      const target = readlink(`/proc/self/fd/${fd}`);
      if (isBind) {
        bound.push({ key: target === real ? "/" : target.slice(real.length), val: source });
        // What is mounted below it needs its mount points in there.
        mount(source, `/proc/self/fd/${fd}`, MS.BIND | MS.REC);
        covered.push(target);
      }
      close(fd);
    });
  } finally {
    for (const target of covered.reverse()) syscall(NR.umount2, cstr(target), MNT_DETACH);
    close(root);
  }
  return bound;
}

function mount(source: string, target: string, flags: number): void {
  check(syscall(NR.mount, cstr(source), cstr(target), 0, flags, 0), `mount ${source} on ${target}`);
}

function isDirectory(path: string): boolean {
  const stat = tryStat(path);
  return typeof stat !== "number" && (stat.mode & S.IFMT) === S.IFDIR;
}

function isOnTmpfs(path: string, mounts: readonly Mount[]): boolean {
  return mounts.some((m) => m.type === "tmpfs" && path.startsWith(`${absolute(m.destination, "/")}/`));
}

/** @param more further RESOLVE_* */
function openInRoot(root: number, path: string, more = 0): number {
  return openat2(root, absolute(path, "/"), O.PATH, RESOLVE.IN_ROOT | more);
}

/** Opens a mount point below the root, which is made where it is missing, unless that is in another mount. */
function ensure(root: number, path: string, isFile: boolean, where: string): number {
  const there = openInRoot(root, path);
  if (there !== -E.ENOENT) return usable(there, path, where);
  const clean = absolute(path, "/");
  const slash = clean.lastIndexOf("/");
  const above = clean.slice(0, slash) || "/";
  close(ensure(root, above, false, where));
  const parent = openInRoot(root, above, RESOLVE.NO_XDEV);
  if (parent === -E.EXDEV) {
    throw new BrunError(`the mount point ${path} is not there, and ${above} is mounted from the host`, {
      where,
      hint: "make it in the mount's source: a restore makes nothing there",
    });
  }
  usable(parent, above, where);
  const name = cstr(clean.slice(slash + 1));
  const made = isFile
    ? syscall(NR.mknodat, parent, name, S.IFREG | 0o755, 0)
    : syscall(NR.mkdirat, parent, name, 0o755);
  close(parent);
  return usable(made < 0 ? made : openInRoot(root, path), path, where);
}

function usable(fd: number, path: string, where: string): number {
  if (fd >= 0) return fd;
  throw new BrunError(`cannot make the mount point ${path}: ${errnoText(-fd)}`, { where });
}
