/** Libraries and programs that some containers need. */

import { type Caller, currentCaller } from "../../rootless/caller.ts";
import { hostView } from "../../rootless/host-view.ts";
import { type OuterEngine, outerEngine } from "../../rootless/outer.ts";
import { libsystemd } from "../cgroup/systemd/library.ts";
import { BrunError } from "../errors.ts";
import { installedLibseccomp } from "../features/libseccomp.ts";
import { PACKAGES } from "../package-names.ts";
import { E, errnoText } from "../sys/errno.ts";
import { close, exists, O, tryOpen } from "../sys/fs.ts";
import { run } from "../sys/spawn.ts";
import { asRoot, type Finding, install, type Remedy, Subject } from "./finding.ts";

const TIMEOUT_MS = 5000;
const DIRECTORIES = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** @param overlay whether the kernel's overlayfs works for the caller */
export function programs(caller: Caller, overlay: boolean): Finding[] {
  return [
    libseccomp(caller),
    systemdLibrary(caller),
    fuseOverlayfs(caller, overlay),
    network(caller),
    criu(caller),
  ];
}

function libseccomp(caller: Caller): Finding {
  const subject = new Subject("libseccomp", "it compiles linux.seccomp of a config", caller);
  const fix = install(PACKAGES.libseccomp);
  try {
    const version = installedLibseccomp();
    return version === undefined
      ? subject.warn("not installed: a config with seccomp is refused", fix)
      : subject.ok(`version ${version}`);
  } catch (error) {
    if (error instanceof BrunError) return subject.warn(error.message, fix);
    throw error;
  }
}

function systemdLibrary(caller: Caller): Finding {
  const subject = new Subject("libsystemd", "brun asks systemd for cgroups by it", caller);
  const fix = install(PACKAGES.libsystemd);
  try {
    return libsystemd() === null ? subject.warn("not installed", fix) : subject.ok("installed");
  } catch (error) {
    if (error instanceof BrunError) return subject.warn(error.message, fix);
    throw error;
  }
}

function fuseOverlayfs(caller: Caller, overlay: boolean): Finding {
  const subject = new Subject(
    "fuse-overlayfs",
    "it stands in where the kernel's overlayfs is refused",
    caller,
  );
  const version = versionOf("fuse-overlayfs", "--version");
  if (version !== null) {
    const obstacle = overlay ? null : deviceObstacle("/dev/fuse", "fuse");
    return obstacle === null ? subject.ok(version) : subject.warn(...obstacle);
  }
  if (overlay) return subject.ok("not installed, and not needed: overlayfs works");
  return subject.warn("not installed", install(PACKAGES["fuse-overlayfs"]));
}

function network(caller: Caller): Finding {
  const subject = new Subject(
    "network",
    "a network namespace without root reaches the outside by them",
    caller,
  );
  const found = (["pasta", "slirp4netns"] as const).flatMap((name) => versionOf(name, "--version") ?? []);
  if (found.length === 0)
    return subject.warn("neither pasta nor slirp4netns is installed", install(PACKAGES.pasta));
  const obstacle = deviceObstacle("/dev/net/tun", "tun");
  return obstacle === null ? subject.ok(found.join(", ")) : subject.warn(...obstacle);
}

const GIVEN: { readonly [engine in OuterEngine]?: (path: string) => string } = {
  brun: (path) => `start the outer brun with --device ${path}`,
  podman: (path) => `start the outer container with --device ${path}`,
  docker: (path) => `start the outer container with --device ${path}`,
};

/** Why the caller cannot use a device, and what changes it; null when it can. */
function deviceObstacle(path: string, module: string): [what: string, fix: Remedy | null] | null {
  const fd = tryOpen(path, O.RDWR);
  if (fd >= 0) {
    close(fd);
    return null;
  }
  if (fd === -E.EACCES || fd === -E.EPERM)
    return [`${path} may not be opened: ${errnoText(-fd)}`, asRoot(`chmod 666 ${path}`)];
  const { uid, gid } = currentCaller();
  const engine = outerEngine(hostView(uid, gid));
  // In a container only the devices that it was given exist.
  const fix = engine === null ? `modprobe ${module}` : (GIVEN[engine]?.(path) ?? null);
  return [`${path} is not there`, fix === null ? null : asRoot(fix)];
}

function criu(caller: Caller): Finding {
  const subject = new Subject("criu", "checkpoint and restore", caller);
  const version = versionOf("criu", "--version");
  return version === null ? subject.warn("not installed", install(PACKAGES.criu)) : subject.ok(version);
}

/** A program's version, shortened to "name version"; null if it is not installed. */
function versionOf(name: string, flag: string): string | null {
  const path = DIRECTORIES.map((directory) => `${directory}/${name}`).find(exists);
  if (path === undefined) return null;
  const { output } = run({ path, argv: [name, flag], env: [], processGroup: true }, null, TIMEOUT_MS);
  // Licences and libraries have versions, too. So the line with the program's name counts, otherwise the first line.
  const lines = output.split("\n");
  const said = lines.find((line) => line.includes(name)) ?? lines[0];
  const version = /\d+(?:[._]\d+)+[^\s,]*/.exec(said ?? "")?.[0];
  return version === undefined ? path : `${name} ${version}`;
}
