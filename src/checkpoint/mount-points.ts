/** Prepares a root file system for CRIU's restore: it becomes a mount, and gets every missing mount point. */
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
 * Runs `use` in a new mount namespace, in which CRIU is started. Mounts for CRIU are visible only there, and end
 * with the namespace. Hooks and later steps run outside again. Throws a SysError.
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
 * Makes the root a mount point, as CRIU requires, and creates missing mount points in it. Nothing is created in
 * directories that are bound from the host: the mount points were there when the container ran, and the container
 * may have replaced them since. Returns the bind mounts: mount points with links resolved, and their sources.
 * Throws a BrunError or SysError.
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
      // CRIU restores the contents of a tmpfs, including its mount points.
      if (isOnTmpfs(m.destination, mounts)) {
        if (isBind) bound.push({ key: absolute(m.destination, "/"), val: source });
        return;
      }
      const fd = ensure(root, m.destination, isBind && !isDirectory(source), `mounts[${i}].destination`);
      const target = readlink(`/proc/self/fd/${fd}`);
      if (isBind) {
        bound.push({ key: target === real ? "/" : target.slice(real.length), val: source });
        // Mounts below this one need their mount points in its source.
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

/** Opens a mount point below the root. Creates it if it is missing, but not in another mount. */
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
