/** Whether limits can be set: cgroup version, delegation, systemd. */

import type { Caller } from "../../rootless/caller.ts";
import { hostView } from "../../rootless/host-view.ts";
import { outerEngine } from "../../rootless/outer.ts";
import { wordsOf, writable } from "../cgroup/access.ts";
import { type CgroupHost, MOUNT_POINT, readCgroupHost } from "../cgroup/host.ts";
import { below, parentOf } from "../cgroup/path.ts";
import { CGROUPS_WRITABLE, cgroupsWritable, delegationRemedy, machineView } from "../cgroup/plan.ts";
import { managerControlGroup } from "../cgroup/systemd/manager.ts";
import { callerIdentity, isRootless } from "../container/state/root.ts";
import { PACKAGES } from "../package-names.ts";
import { exists, mkdir, rmdir } from "../sys/fs.ts";
import { asCaller, asRoot, type Finding, install, nameOf, remedy, Subject } from "./finding.ts";

const WANTED = ["cpu", "cpuset", "io", "memory", "pids"];
const WANTED_OF_V1 = ["blkio", "cpu", "cpuset", "devices", "memory", "pids"];

/** cgroup version, controllers of the caller, systemd's manager. */
export function cgroups(caller: Caller): Finding[] {
  const host = readCgroupHost();
  const manager = managerOf();
  return [version(host, caller), delegation(host, manager, caller), userManager(host, manager, caller)];
}

/** The control group of the manager that answers, null for none. */
function managerOf(): string | null {
  return managerControlGroup(!isHostRoot());
}

/** Root of a user namespace has no say over the host's cgroups. */
function isHostRoot(): boolean {
  return !isRootless(callerIdentity());
}

function version(host: CgroupHost, caller: Caller): Finding {
  const subject = new Subject("cgroup-version", "only cgroup v2 lets users set limits", caller);
  if (host.version === 2) return subject.ok("cgroup v2");
  if (host.version === 1 && isHostRoot()) return subject.ok("cgroup v1, whose limits root can set");
  const fix = asRoot("boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line");
  if (host.version === 0) return subject.warn(`no cgroup hierarchy is mounted below ${MOUNT_POINT}`, fix);
  return subject.warn("cgroup v1, where only root may set limits", fix);
}

function delegation(host: CgroupHost, manager: string | null, caller: Caller): Finding {
  const subject = new Subject("cgroup-delegation", "limits of cpu, memory, processes and I/O", caller);
  if (isHostRoot()) return ofRoot(subject, host);
  if (host.version !== 2) return subject.warn("users get no cgroups without cgroup v2", null);
  const directory = delegated(host, manager);
  if (directory === null) {
    return subject.warn(
      "the caller has no cgroup of its own",
      remedy(delegationRemedy(machineView(host, () => manager))),
    );
  }
  const controllers = wordsOf(directory, "cgroup.controllers");
  const missing = WANTED.filter((name) => !controllers.includes(name));
  if (missing.length === 0) return subject.ok(`${directory} has ${controllers.join(", ")}`);
  const lack = `${directory} lacks ${missing.join(", ")}`;
  if (!exists("/run/systemd/system"))
    return subject.warn(lack, asRoot("enable them in cgroup.subtree_control of the cgroups above it"));
  return subject.warn(
    lack,
    asRoot(
      "mkdir -p /etc/systemd/system/user@.service.d && " +
        `printf '[Service]\\nDelegate=${WANTED.join(" ")}\\n' > /etc/systemd/system/user@.service.d/delegate.conf && ` +
        `systemctl daemon-reload && systemctl restart user@${caller.uid}.service`,
    ),
  );
}

function ofRoot(subject: Subject, host: CgroupHost): Finding {
  if (!cgroupsWritable(machineView(host, () => null))) {
    return subject.warn(
      host.version === 0
        ? "no cgroup can be made: there is no hierarchy here"
        : `no cgroup can be made: ${MOUNT_POINT} may not be written here`,
      host.version === 2 ? asCaller(CGROUPS_WRITABLE) : null,
    );
  }
  const there =
    host.version === 2
      ? wordsOf(MOUNT_POINT, "cgroup.controllers")
      : host.hierarchies.flatMap(({ name }) => name.split(","));
  const wanted = host.version === 2 ? WANTED : WANTED_OF_V1;
  const missing = wanted.filter((name) => !there.includes(name));
  return missing.length === 0
    ? subject.ok("root has all controllers")
    : subject.warn(`no controllers here for ${missing.join(", ")}`, null);
}

/** A cgroup in which the caller can make others, found by making one. */
function delegated(host: CgroupHost, manager: string | null): string | null {
  const own = host.hierarchies[0]?.own ?? "/";
  const candidates = [below(MOUNT_POINT, own), below(MOUNT_POINT, parentOf(own))];
  if (manager !== null) candidates.unshift(below(MOUNT_POINT, manager));
  return candidates.find((directory) => writable(`${directory}/cgroup.procs`) && canMake(directory)) ?? null;
}

function canMake(directory: string): boolean {
  const path = `${directory}/brun-doctor-${process.pid}`;
  if (mkdir(path, 0o755) !== 0) return false;
  rmdir(path);
  return true;
}

function userManager(host: CgroupHost, manager: string | null, caller: Caller): Finding {
  if (isHostRoot()) {
    const subject = new Subject("systemd", "it can make the cgroups: --systemd-cgroup", caller);
    return manager !== null
      ? subject.ok("systemd's manager answers")
      : subject.ok("no systemd here: cgroups are made in cgroupfs");
  }
  const subject = new Subject(
    "systemd-user",
    "it gives the caller's containers cgroups of their own",
    caller,
  );
  if (manager !== null) return subject.ok("systemd's user manager answers");
  const name = nameOf(caller);
  if (!exists("/run/systemd/system")) {
    const directory = `${MOUNT_POINT}/${name}`;
    const files = `${directory} ${directory}/cgroup.procs ${directory}/cgroup.subtree_control`;
    const fix = `mkdir ${directory} && chown ${name} ${files} && echo PID-OF-THE-SHELL > ${directory}/cgroup.procs`;
    const contained = outerEngine(hostView(caller.uid, caller.gid)) !== null;
    return subject.warn(
      "this machine was not booted by systemd",
      host.version === 2 && !contained ? asRoot(fix) : null,
    );
  }
  if (!exists(`/run/user/${caller.uid}/systemd`)) {
    return subject.warn("the caller has no systemd session", asRoot(`loginctl enable-linger ${name}`));
  }
  return subject.warn("systemd's user manager does not answer", install(PACKAGES.userSession));
}
