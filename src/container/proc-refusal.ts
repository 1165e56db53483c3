/** Why the kernel refuses a new procfs here. */
import { currentCaller } from "../../rootless/caller.ts";
import { explainProcMountRefusal, hostView } from "../../rootless/userns.ts";

/** As far as it can be seen; for people. */
export function procRefusal(): string {
  const { uid, gid } = currentCaller();
  return explainProcMountRefusal(hostView(uid, gid))?.cause ?? "the kernel lets none be mounted here";
}
