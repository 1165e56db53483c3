/** Where checks run: private directories, an image made on the machine, and clients that know of both. */
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type Caller, host, installed } from "../support/caller.ts";
import { makeRootfs } from "../support/rootfs.ts";
import type { As } from "./check.ts";

const BUILT = `${import.meta.dir}/../../dist/brun`;

/** The runtimes; brun is the one that is tested, the others say what the machine is good for. */
export const RUNTIMES = ["brun", "crun", "runc"] as const;

/** The image of all checks. */
const IMAGE = "localhost/busybox:latest";

/** Why a client or peer is not there: what Debian calls it. */
export function missing(commands: readonly string[]): string | undefined {
  return commands.find((command) => !installed(command));
}

/** Makes the work directory: runtimes, the image as a tarball, the clients' configuration. */
export function makeWorld(dir: string): void {
  mkdirSync(`${dir}/bin`, { recursive: true });
  chmodSync(dir, 0o755);
  copyFileSync(BUILT, `${dir}/bin/brun`);
  chmodSync(`${dir}/bin/brun`, 0o755);
  makeRootfs(`${dir}/rootfs`, { uid: 0, gid: 0 });
  chmodSync(`${dir}/rootfs/tmp`, 0o1777);
  host("tar", "-C", `${dir}/rootfs`, "-cf", `${dir}/image.tar`, ".");
  copyFileSync(`${import.meta.dir}/prelude.sh`, `${dir}/prelude.sh`);
  copyFileSync(`${import.meta.dir}/../places/inside.sh`, `${dir}/inside.sh`);
  copyExamples(dir);
  writeFileSync(`${dir}/containers.conf`, containersConf(dir));
  for (const [name, lines] of Object.entries(clientScripts(dir))) {
    writeFileSync(`${dir}/bin/${name}`, `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  }
}

/** The examples, with the brun that is tested in the place of an installed one. */
function copyExamples(dir: string): void {
  cpSync(`${import.meta.dir}/../../examples`, `${dir}/examples`, { recursive: true });
  const paths = [
    "podman/containers.conf",
    "docker/daemon.json",
    "containerd/brun.toml",
    "kubernetes/pod.yaml",
  ];
  for (const path of paths) {
    const text = readFileSync(`${dir}/examples/${path}`, "utf8")
      .replaceAll("/usr/local/bin/brun", `${dir}/bin/brun`)
      .replace("docker.io/library/busybox:latest", IMAGE)
      // The clients are told to use cgroupfs.
      .replaceAll("SystemdCgroup = true", "SystemdCgroup = false");
    writeFileSync(`${dir}/examples/${path}`, text);
  }
  const daemon = JSON.parse(readFileSync(`${dir}/examples/docker/daemon.json`, "utf8"));
  const crun = Bun.which("crun");
  if (crun !== null) daemon.runtimes.crun = { path: crun };
  writeFileSync(`${dir}/daemon.json`, JSON.stringify(daemon));
}

/** The highest value that a limit can have here: not every root may raise it. */
function hardLimit(flag: string): string {
  const limit = host("bash", "-c", `ulimit -H${flag}`).trim();
  return limit === "unlimited" ? "1048576" : limit;
}

/** containers.conf(5): no systemd, no limits that the machine's controllers or the caller cannot have. */
function containersConf(dir: string): string {
  const [files, processes] = [hardLimit("n"), hardLimit("u")];
  return `[containers]
default_ulimits = ["nofile=${files}:${files}", "nproc=${processes}:${processes}"]
pids_limit = 0
log_driver = "k8s-file"
netns = "none"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime_supports_json = ["brun", "crun", "runc"]
runtime_supports_nocgroup = ["brun", "crun"]
helper_binaries_dir = ["${dir}/bin", "/usr/libexec/podman", "/usr/lib/podman", "/usr/bin"]
[engine.runtimes]
brun = ["${dir}/bin/brun"]
crun = ["/usr/bin/crun", "/usr/sbin/crun"]
runc = ["/usr/sbin/runc", "/usr/bin/runc"]
`;
}

/** Commands that stand before the real ones in PATH. HOME is the caller's own directory below the work directory. */
function clientScripts(dir: string): Record<string, string> {
  const real = (command: string): string =>
    Bun.which(command, { PATH: "/usr/bin:/usr/sbin:/bin:/sbin" }) ?? command;
  const storage = '--root "$HOME/storage" --runroot "$HOME/runroot" --storage-driver overlay';
  return {
    podman: `exec ${real("podman")} ${storage} --tmpdir "$XDG_RUNTIME_DIR/libpod" --runtime "$RUNTIME" "$@"`,
    buildah: `exec ${real("buildah")} ${storage} "$@"`,
    docker: `exec ${real("docker")} -H "unix://${dir}/docker/docker.sock" "$@"`,
    ctr: `exec ${real("ctr")} --address ${dir}/containerd/containerd.sock "$@"`,
  };
}

/** The environment of a check. */
export function worldEnv(dir: string, as: As, caller: Caller): Record<string, string> {
  const home = `${dir}/${as}`;
  return {
    PATH: `${dir}/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin`,
    HOME: home,
    USER: caller.user,
    LANG: "C.UTF-8",
    TERM: "xterm",
    XDG_RUNTIME_DIR: `${home}/run`,
    TMPDIR: `${home}/tmp`,
    CONTAINERS_CONF: `${dir}/containers.conf`,
    W: dir,
    IMAGE,
  };
}

/** Puts a command into the caller's delegated cgroup, where isolate.sh made one, and makes it the caller's. */
export function asCaller(caller: Caller): string[] {
  const delegated = "/sys/fs/cgroup/user/init/cgroup.procs";
  const join = existsSync(delegated) && caller.prefix.length > 0;
  return [...(join ? ["sh", "-c", `echo $$ >${delegated}; exec "$@"`, "sh"] : []), ...caller.prefix];
}
