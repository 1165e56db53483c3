/** linux.sysctl, written through a procfs that the root file system cannot redirect (CVE-2025-52881). */
import { utf8Length } from "../sys/utf8.ts";
import type { InitContext } from "./context.ts";
import { openProcfs, procFileHow } from "./procfs.ts";

/**
 * Writes each sysctl. This happens while the host's /proc is mounted: it shows the sysctls of the writer's
 * namespaces.
 */
export function sysctls(x: InitContext): void {
  const entries = Object.entries(x.config.spec.linux?.sysctl ?? {});
  if (entries.length === 0) return;
  const { b } = x;
  b.at("linux.sysctl", { kind: "openSysctl" });
  const proc = openProcfs(x, "/proc/sys");
  for (const [key, value] of entries) {
    b.at(`linux.sysctl["${key}"]`, { kind: "setSysctl", key, value });
    const fd = b.get("openat2", [proc, b.str(sysctlPath(key)), ...procFileHow(x)]);
    b.sys("write", [fd, b.str(value), utf8Length(value)]);
    b.close(fd);
  }
  b.close(proc);
}

/**
 * The path of a sysctl(8) name. "net.ipv4.conf.eth0/1.forwarding" has a slash for a dot within a part; a name may
 * also have slashes throughout.
 */
function sysctlPath(key: string): string {
  const dot = key.indexOf(".");
  const slash = key.indexOf("/");
  if (slash >= 0 && (dot < 0 || slash < dot)) return key;
  return key.replace(/[./]/g, (c) => (c === "." ? "/" : "."));
}
