/** process.apparmorProfile and process.selinuxLabel: the labels that the process gets at execve. */

import type { Process } from "../spec/index.ts";
import { E } from "../sys/errno.ts";
import { utf8Length } from "../sys/utf8.ts";
import type { ProcessContext } from "./context.ts";
import { openProcfs, procFileHow } from "./procfs.ts";

/** Opens /proc if the process gets a label. At this point the host's procfs is still mounted there. */
export function openLabels(x: ProcessContext, process: Process): void {
  const { apparmorProfile, selinuxLabel } = process;
  if (!apparmorProfile && !selinuxLabel) return;
  x.b.at(apparmorProfile ? "process.apparmorProfile" : "process.selinuxLabel", { kind: "openProc" });
  x.proc = openProcfs(x, "/proc");
}

/** Sets the labels that take effect at execve (aa_change_onexec(2), setexeccon(3)). */
export function securityLabels(x: ProcessContext, process: Process): void {
  const { proc } = x;
  if (proc === undefined) return;
  const { apparmorProfile, selinuxLabel } = process;
  if (selinuxLabel) {
    x.b.at("process.selinuxLabel", { kind: "setSelinuxLabel", value: selinuxLabel });
    setAttribute(x, [x.b.str("self/attr/exec")], selinuxLabel);
  }
  if (apparmorProfile) {
    x.b.at("process.apparmorProfile", { kind: "setApparmorProfile", value: apparmorProfile });
    // Kernels before 5.8 have only the second name, which other security modules share.
    const paths = [x.b.str("self/attr/apparmor/exec"), x.b.str("self/attr/exec")];
    setAttribute(x, paths, `exec ${apparmorProfile}`);
  }
  x.b.close(proc);
}

function setAttribute(
  x: ProcessContext,
  paths: readonly ReturnType<ProcessContext["b"]["str"]>[],
  value: string,
): void {
  const { b } = x;
  const [how, size] = procFileHow(x, true);
  const fd = b.slot();
  const found = b.label();
  for (const path of paths) {
    const last = path === paths[paths.length - 1];
    const policy = last ? { out: fd } : { out: fd, handle: [E.ENOENT], andThen: found };
    b.sys("openat2", [x.proc!, path, how, size], policy);
  }
  b.mark(found);
  b.sys("write", [fd, b.str(value), utf8Length(value)], { close: [fd] });
  b.free(fd);
}
