/**
 * Flags of podman, docker, bubblewrap and firejail that `run --host` and `run --rootfs` do not have, and what does the
 * same here; where nothing does, the reason. Sources: podman-run(1), docker-run(1), bwrap(1), firejail(1), November 2026.
 */

const PLACES = "`-v SOURCE:PATH` mounts one, `-v SOURCE:PATH:ro` read-only";
const CONFIG = "`--print-config` prints a config.json to change, which `brun run --bundle DIR ID` takes";
const PARTIAL = `a namespace of the host is not shared by a flag: ${CONFIG}`;
const NO_IMAGES = "`brun image --help` tells what can be done with images";
const SERVICE = "a service manager does that: docs/services.md";
const LOGS = "what the program writes goes to brun's own stdout and stderr";
const WEIGHT = "--cpus and --memory limit the container as a whole";
const SINGLE = "--network pasta gives it the host's names and addresses";

/** The hint for a flag, by its name without dashes. */
export const OTHER_FLAGS: Readonly<Record<string, string>> = {
  // podman and docker
  privileged: "the nearest is `--cap-add ALL --security-opt seccomp=unconfined --security-opt unmask=ALL`",
  P: "name the port, with pasta: --network pasta -p 8080:80",
  "publish-all": "name the port, with pasta: --network pasta -p 8080:80",
  expose: "name the port, with pasta: --network pasta -p 8080:80",
  pid: PARTIAL,
  ipc: PARTIAL,
  uts: PARTIAL,
  cgroupns: PARTIAL,
  arch: "`brun image pull --help`: --platform names the system and architecture",
  rmi: NO_IMAGES,
  restart: SERVICE,
  "health-cmd": SERVICE,
  replace: "`brun delete --force ID` removes the old one",
  label: `a label is an annotation: ${CONFIG}`,
  l: `a label is an annotation: ${CONFIG}`,
  annotation: CONFIG,
  sysctl: CONFIG,
  "oom-score-adj": CONFIG,
  "memory-swap": `--memory has no swap besides; ${CONFIG}`,
  "memory-reservation": CONFIG,
  "cpu-shares": WEIGHT,
  "cpu-quota": "--cpus 0.5 is half of one CPU",
  "cpu-period": "--cpus 0.5 is half of one CPU",
  "cpuset-cpus": "`taskset -c 0 brun run --host PROGRAM` chooses the CPUs",
  "blkio-weight": WEIGHT,
  "shm-size": "`--tmpfs /dev/shm:size=64m`",
  "group-add": "--host keeps the caller's groups",
  umask: "--host keeps the caller's umask; `brun run --host sh -c 'umask 077; exec PROGRAM'` sets another",
  dns: "`-v FILE:/etc/resolv.conf:ro`",
  "dns-search": "`-v FILE:/etc/resolv.conf:ro`",
  "add-host": "`-v FILE:/etc/hosts:ro`",
  ip: SINGLE,
  "mac-address": SINGLE,
  link: SINGLE,
  gpus: "a graphics card is a device: --device /dev/dri/renderD128",
  "log-driver": LOGS,
  a: LOGS,
  attach: LOGS,
  "detach-keys": "the terminal goes with the program: nothing detaches from it",
  "sig-proxy": "signals are always forwarded",
  "stop-signal": "`brun kill ID INT` sends a signal",
  "stop-timeout": "`brun kill ID TERM`, and then `brun kill ID KILL`",
  cidfile: "`--name NAME` gives it a name; `--detach` prints it",
  verbose: "`brun --debug run --host PROGRAM` tells what it does",
  "volumes-from": PLACES,
  "env-host": "--host passes the environment on, and `-e NAME` one variable",
  pod: "brun has no pods",
  secret: "`-v FILE:/run/secrets/NAME:ro`",
  tz: "`-e TZ=Europe/Berlin`",
  // bubblewrap
  bind: PLACES,
  "ro-bind": PLACES,
  "dev-bind": PLACES,
  dev: "each container has a /dev of its own; --device gives it a device of the host",
  dir: "`--tmpfs PATH`",
  setenv: "`-e NAME=VALUE`",
  unsetenv: "`-e NAME=` makes it empty; `brun run --host env -u NAME PROGRAM` takes it away",
  clearenv: "`brun run --host env -i PROGRAM`",
  chdir: "`-w DIR`",
  "unshare-all": "all but the network is separate already, and that with `--network none`",
  "unshare-net": "`--network none`",
  "share-net": "`--network host`",
  uid: "`-u UID`",
  gid: "`-u UID:GID`",
  "new-session": "the program leads a session or process group of its own already",
  // firejail
  private: "what is written is thrown away already; `--hide PATH` covers what is not to be seen",
  blacklist: "`--hide PATH`",
  whitelist: "--host shows the whole machine; --rootfs DIR shows that directory alone",
};
