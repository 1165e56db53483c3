/**
 * Flags of podman, docker, bubblewrap and firejail that `run --host` and `run --rootfs` do not have, and what does the
 * same here; where nothing does, the reason. Sources: podman-run(1), docker-run(1), bwrap(1), firejail(1), November 2026.
 */

const PLACES = "`-v SOURCE:PATH` mounts one, `-v SOURCE:PATH:ro` read-only";
const CONFIG = "`--print-config` prints a config.json to change, which `brun run --bundle DIR ID` takes";
const PARTIAL = `a namespace of the host is not shared by a flag: ${CONFIG}`;
const PLATFORM = "--platform os/arch goes with --image";
const SERVICE = "a service manager does that: docs/services.md";
const LOGS =
  "what the program writes goes to brun's own stdout and stderr; of --detach `brun logs ID` shows it";
const WEIGHT = "--cpus and --memory limit the container as a whole";
const RATES = `how fast devices are read and written is limited by a cgroup: ${CONFIG}`;
const CGROUP = `the cgroup is one below the caller's own: ${CONFIG}`;
const SINGLE = "`--network pasta` gives it the host's names and addresses";
const PORT = "name the port, with pasta: --network pasta -p 8080:80";
const RESOLV = "`-v FILE:/etc/resolv.conf:ro`";
const HOSTS = "`-v FILE:/etc/hosts:ro`";
const IDS = "--userns chooses the mapping: auto, single, range or keep-id";
const LABEL = "there are no labels; `--annotation KEY=VALUE` is kept with the container";
const NO_FILES = "no such file is written: the root has its own";
const CLEARED =
  "with --rootfs and --image it has none of the caller's; `brun run --host env -i PROGRAM` has none either";
const NOT_LINUX = "it is for containers of Windows";
const STREAMS = "-i passes stdin on, and stdout and stderr always are; --detach is without";

/** The hint for a flag, by its name without dashes. */
export const OTHER_FLAGS: Readonly<Record<string, string>> = {
  // podman and docker
  privileged: "the nearest is `--cap-add ALL --security-opt seccomp=unconfined --security-opt unmask=ALL`",
  P: PORT,
  "publish-all": PORT,
  expose: PORT,
  pid: PARTIAL,
  ipc: PARTIAL,
  uts: PARTIAL,
  cgroupns: PARTIAL,
  arch: PLATFORM,
  os: PLATFORM,
  variant: PLATFORM,
  rmi: "`brun image remove NAME` removes one",
  restart: SERVICE,
  "health-cmd": SERVICE,
  "health-interval": SERVICE,
  "health-on-failure": SERVICE,
  "health-retries": SERVICE,
  "health-start-interval": SERVICE,
  "health-start-period": SERVICE,
  "health-timeout": SERVICE,
  "no-healthcheck": "health is not checked",
  replace: "`brun delete --force ID` removes the old one",
  label: LABEL,
  l: LABEL,
  "label-file": LABEL,
  domainname: `the domain name of NIS is \`domainname\` of a config: ${CONFIG}`,
  personality: CONFIG,
  "memory-reservation": CONFIG,
  "memory-swappiness": CONFIG,
  "kernel-memory": "the memory of the kernel counts for --memory",
  "oom-kill-disable": "`--oom-score-adj -1000` does that for whoever has the right",
  "cpu-shares": WEIGHT,
  c: WEIGHT,
  "cpu-quota": "`--cpus 0.5` is half of one CPU",
  "cpu-period": "`--cpus 0.5` is half of one CPU",
  "cpu-rt-period": CONFIG,
  "cpu-rt-runtime": CONFIG,
  "cpuset-mems": "`numactl -m 0 brun run --host PROGRAM` chooses the memory",
  "blkio-weight": RATES,
  "blkio-weight-device": RATES,
  "device-read-bps": RATES,
  "device-read-iops": RATES,
  "device-write-bps": RATES,
  "device-write-iops": RATES,
  "device-cgroup-rule": `\`--device PATH\` gives it one; rules: ${CONFIG}`,
  "cgroup-conf": CGROUP,
  "cgroup-parent": CGROUP,
  cgroups: CGROUP,
  dns: RESOLV,
  "dns-search": RESOLV,
  "dns-option": RESOLV,
  "dns-opt": RESOLV,
  "add-host": HOSTS,
  "no-hosts": NO_FILES,
  passwd: NO_FILES,
  "passwd-entry": "`-v FILE:/etc/passwd:ro`",
  "group-entry": "`-v FILE:/etc/group:ro`",
  hostuser: "`-v FILE:/etc/passwd:ro`, and -u names the user",
  chrootdirs: NO_FILES,
  ip: SINGLE,
  ip6: SINGLE,
  "link-local-ip": SINGLE,
  "mac-address": SINGLE,
  link: SINGLE,
  "network-alias": SINGLE,
  // What this machine has is in gpu-hint.ts.
  gpus: "the flag --device names a card: by CDI, or by its path",
  "log-driver": LOGS,
  a: STREAMS,
  attach: STREAMS,
  "detach-keys":
    "in the foreground the terminal goes with the program; `brun attach --detach-keys KEYS ID` can leave one of --detach",
  "sig-proxy": "signals are always forwarded",
  "stop-timeout": "`brun stop -t 30 ID` gives it the time",
  cidfile: "`--name NAME` gives it a name; --detach prints it",
  "pod-id-file": "there are no pods",
  "conmon-pidfile": "`--pid-file FILE` has the program's; of --detach its supervisor is the parent of that",
  sdnotify: "READY=1 of the program is passed on: docs/services.md",
  systemd:
    "a /run to write to, and cgroups of its own, are there with --rootfs; `--stop-signal RTMIN+3` is systemd's",
  requires: SERVICE,
  runtime: "the runtime is brun itself",
  isolation: NOT_LINUX,
  "cpu-count": NOT_LINUX,
  "cpu-percent": NOT_LINUX,
  "io-maxbandwidth": NOT_LINUX,
  "io-maxiops": NOT_LINUX,
  verbose: "`brun --debug run --host PROGRAM` tells what it does",
  "volumes-from": PLACES,
  "volume-driver": PLACES,
  "image-volume":
    "what an image says to be a volume can be written to, and is thrown away; `--tmpfs PATH` says so of another",
  "read-only-tmpfs": "--read-only has a /tmp and /run to write to",
  "storage-opt": "what is written is limited by --memory: it is in a tmpfs",
  "env-host": "--host passes the environment on; `-e '*'` does so for --rootfs and --image",
  "env-merge": "`-e NAME=VALUE`, in which a shell puts variables of the caller's",
  "unsetenv-all": CLEARED,
  "http-proxy":
    "--host passes the variables on; `-e http_proxy -e https_proxy` does so for --rootfs and --image",
  "init-path": "the init is part of it: --init and --no-init",
  pod: "there are no pods",
  secret: "`-v FILE:/run/secrets/NAME:ro`",
  tz: "`-e TZ=Europe/Berlin`",
  uidmap: IDS,
  gidmap: IDS,
  subuidname: IDS,
  subgidname: IDS,
  "preserve-fds":
    "descriptors beyond stderr are passed to the program of a bundle: `brun run --preserve-fds 1 --bundle DIR ID`",
  "seccomp-policy": "`--security-opt seccomp=unconfined`, or seccomp=FILE",
  "disable-content-trust": "digests are checked, and no signatures",
  "use-api-socket": "there is no service behind brun",
  creds: "`brun login REGISTRY` asks for them",
  retry: "a pull is tried again by itself",
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
