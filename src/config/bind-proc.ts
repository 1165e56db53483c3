/**
 * Containers without a procfs of their own. Where an outer container masks parts of /proc, the kernel refuses a
 * new procfs in a user namespace (mount_too_revealing() of fs/namespace.c). brun binds the outer procfs instead.
 * That one shows the outer processes, so the container has to stay in their pid namespace.
 */
import type { Mount, Spec } from "../spec/index.ts";
import { any, filtered, mapped } from "../sys/lists.ts";
import type { Change } from "./types.ts";
import { rebind } from "./user-namespace-first.ts";

/** Whether the config wants a procfs in a new pid namespace. */
export function mountsProc({ mounts, linux }: Spec): boolean {
  return any(mounts, ({ type }) => type === "proc") && any(linux?.namespaces, isNewPid);
}

function isNewPid({ type, path }: { readonly type: string; readonly path?: string | undefined }): boolean {
  return type === "pid" && !path;
}

/**
 * Binds the outer /proc, and leaves the container in the outer pid namespace. Pure.
 * @param why the reason that `explain` gives
 * @param changes gets a line for each change
 */
export function bindProc(spec: Spec, why: string, changes: Change[]): Spec {
  if (!mountsProc(spec)) return spec;
  const what = "bind the outer /proc, and stay in the outer pid namespace";
  const mounts = mapped(spec.mounts ?? [], (mount, i): Mount => {
    if (mount.type !== "proc") return mount;
    changes.push({ where: `mounts[${i}]`, what, why, tellOnce: "--proc" });
    return rebind(mount, "/proc");
  });
  const linux = { ...spec.linux, namespaces: filtered(spec.linux?.namespaces ?? [], (n) => !isNewPid(n)) };
  return { ...spec, mounts, linux };
}
