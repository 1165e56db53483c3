/** `brun doctor`: whether rootless containers work here, found out by doing. */

import { currentCaller } from "../../rootless/caller.ts";
import { loadSubids } from "../../rootless/subid.ts";
import { callerIdentity, isRootless } from "../container/state/root.ts";
import { cgroups } from "./cgroups.ts";
import type { Finding } from "./finding.ts";
import { mapHelper, subordinateIds } from "./ids.ts";
import { images } from "./images.ts";
import { kernel } from "./kernel.ts";
import { landlock } from "./landlock.ts";
import { session } from "./login.ts";
import { idMaps, inNamespaces, userNamespace } from "./namespaces.ts";
import { programs } from "./programs.ts";

/** Everything that was found, in the order in which it is needed. Leaves nothing behind. Throws a SysError. */
export function doctor(): Finding[] {
  const caller = currentCaller();
  const subids = loadSubids(caller.uid, caller.userName);
  const hostRoot = !isRootless(callerIdentity());
  const user = userNamespace(caller, hostRoot);
  const inside = user.state === "fail" ? [] : inNamespaces(caller, user.state === "warn");
  const overlay = inside.some(({ id, state }) => id === "overlay" && state === "ok");
  return [
    kernel(caller),
    user,
    ...inside,
    mapHelper("newuidmap", caller),
    mapHelper("newgidmap", caller),
    subordinateIds("uid", caller, subids),
    subordinateIds("gid", caller, subids),
    ...(user.state === "ok" && !caller.privileged ? [idMaps(caller, subids)] : []),
    ...session(caller),
    ...cgroups(caller),
    ...programs(caller, overlay),
    images(caller),
    landlock(caller, user.state !== "fail"),
  ];
}

/** Exit code: 0 all is well, 1 containers run but something is missing, 2 they do not run. */
export function doctorStatus(findings: readonly Finding[]): 0 | 1 | 2 {
  if (findings.some(({ state }) => state === "fail")) return 2;
  return findings.some(({ state }) => state === "warn") ? 1 : 0;
}

export type { Finding, FindingState } from "./finding.ts";
