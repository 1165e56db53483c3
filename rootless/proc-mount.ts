/** Explains why a new procfs is refused inside of another container. */
import { advice } from "../src/fix.ts";
import { type Diagnosis, type HostView, mountPoints } from "./host-view.ts";
import { outerName, outerRemedy } from "./outer.ts";

/**
 * Explains why a new procfs may not be mounted (EPERM) although the user and pid namespaces are new. The kernel
 * allows it only if a procfs is wholly visible already. An outer container masks parts of its /proc, or mounts it
 * read-only. Null if neither is the case.
 */
export function explainProcMountRefusal(host: HostView): Diagnosis | null {
  const mounts = mountPoints(host.read("/proc/self/mountinfo") ?? "");
  const proc = mounts.filter((m) => m.point === "/proc" && m.type === "proc").at(-1);
  // Two directories exist only as mount points. They are empty underneath, so a mount on them hides nothing.
  const masks = mounts
    .map((m) => m.point)
    .filter(
      (point) =>
        point.startsWith("/proc/") && point !== "/proc/sys/fs/binfmt_misc" && point !== "/proc/fs/nfsd",
    );
  if (proc === undefined) {
    return {
      cause:
        "no procfs is mounted on /proc here, and the kernel only lets one be mounted where one is visible",
      fix: advice("mount /proc outside first"),
    };
  }
  const instead = "or do with the outer /proc and pid namespace: --proc=auto or bind";
  const fix = advice(`${outerRemedy("proc", host)}, ${instead}`);
  if (masks.length > 0) {
    const some = [...new Set(masks)].slice(0, 3).join(", ");
    const more = masks.length > 3 ? ` and ${masks.length - 3} more` : "";
    return {
      cause: `${outerName(host)} masks parts of /proc (${some}${more})`,
      fix,
    };
  }
  if (proc.readOnly) return { cause: "the outer /proc is mounted read-only", fix };
  return null;
}
