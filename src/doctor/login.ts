/** The caller's session: where state is kept, and whether containers outlive a logout. */

import type { Caller } from "../../rootless/caller.ts";
import { callerIdentity, defaultRoot } from "../container/state/root.ts";
import { variable } from "../sys/environment.ts";
import { exists, S, tryStat } from "../sys/fs.ts";
import { asCaller, asRoot, type Finding, nameOf, Subject } from "./finding.ts";

/** XDG_RUNTIME_DIR and linger. */
export function session(caller: Caller): Finding[] {
  return caller.uid === 0 ? [] : [runtimeDirectory(caller, variable("XDG_RUNTIME_DIR")), linger(caller)];
}

/** XDG_RUNTIME_DIR, as the XDG base directory specification wants it. */
export function runtimeDirectory(caller: Caller, path: string | undefined): Finding {
  const subject = new Subject(
    "xdg-runtime-dir",
    "the state of containers, gone after a reboot as they are",
    caller,
  );
  const usual = `/run/user/${caller.uid}`;
  const made = exists("/run/systemd/system")
    ? `loginctl enable-linger ${nameOf(caller)}`
    : `install -d -m 700 -o ${caller.uid} -g ${caller.gid} ${usual}`;
  const set = exists(usual) ? asCaller(`export XDG_RUNTIME_DIR=${usual}`) : asRoot(made);
  const state = defaultRoot({ ...callerIdentity(), euid: caller.uid, env: {} }).path;
  const instead = (why: string): Finding =>
    subject.warn(`XDG_RUNTIME_DIR ${why}: state is kept in ${state}`, set);
  if (!path) return instead("is not set");
  if (!path.startsWith("/")) return instead(`is not absolute (${path})`);
  const stat = tryStat(path);
  if (typeof stat === "number") return instead(`does not exist (${path})`);
  if ((stat.mode & S.IFMT) !== S.IFDIR) return instead(`is no directory (${path})`);
  if (stat.uid !== caller.uid) {
    return subject.warn(`XDG_RUNTIME_DIR belongs to uid ${stat.uid}: ${path}; su and sudo keep it`, set);
  }
  if ((stat.mode & 0o077) !== 0) return subject.warn(`${path} lets others in`, asCaller(`chmod 700 ${path}`));
  return subject.ok(path);
}

function linger(caller: Caller): Finding {
  const subject = new Subject("linger", "detached containers end with the last session without it", caller);
  const name = nameOf(caller);
  if (!exists("/run/systemd/system")) return subject.ok("no systemd here, so nothing is ended at logout");
  if (exists(`/var/lib/systemd/linger/${name}`))
    return subject.ok("the caller's services outlive its sessions");
  return subject.warn(
    "what the caller starts ends with its last session",
    asRoot(`loginctl enable-linger ${name}`),
  );
}
