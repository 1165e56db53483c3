import { expect, test } from "bun:test";
import { OTHER_FLAGS } from "./other-flags.ts";
import { sandboxRunFlags } from "./sandbox-flags.ts";

/** Names and letters of `podman run --help` (4.3, and some of 5) and `docker run --help` (28.2). */
const THEIRS =
  `add-host annotation arch attach a authfile blkio-weight blkio-weight-device cap-add cap-drop cgroup-conf
  cgroup-parent cgroupns cgroups chrootdirs cidfile conmon-pidfile cpu-count cpu-percent cpu-period cpu-quota cpu-rt-period
  cpu-rt-runtime cpu-shares c cpus cpuset-cpus cpuset-mems detach d detach-keys device device-cgroup-rule device-read-bps
  device-read-iops device-write-bps device-write-iops disable-content-trust dns dns-option dns-search domainname entrypoint
  env e env-file env-host env-merge expose gidmap gpus group-add group-entry health-cmd health-interval health-on-failure
  health-retries health-start-interval health-start-period health-timeout hostname h hostuser http-proxy image-volume init
  init-path interactive i io-maxbandwidth io-maxiops ip ip6 ipc isolation kernel-memory label l label-file link
  link-local-ip log-driver log-opt mac-address memory m memory-reservation memory-swap memory-swappiness mount name network
  network-alias no-healthcheck no-hosts oom-kill-disable oom-score-adj os passwd passwd-entry personality pid pidfile
  pids-limit platform pod pod-id-file preserve-fds privileged publish p publish-all P pull quiet q read-only
  read-only-tmpfs replace requires restart retry rm rmi rootfs runtime sdnotify seccomp-policy secret security-opt
  shm-size sig-proxy stop-signal stop-timeout storage-opt subgidname subuidname sysctl systemd timeout tls-verify tmpfs
  tty t tz uidmap ulimit umask unsetenv unsetenv-all use-api-socket user u userns uts variant volume v volume-driver
  volumes-from workdir w`.split(/\s+/);

const names = Object.entries(sandboxRunFlags).flatMap(([name, flag]) =>
  "alias" in flag ? [name, flag.alias] : [name],
);

test("a flag that brun has needs no hint", () => {
  expect(Object.keys(OTHER_FLAGS).filter((name) => names.includes(name))).toEqual([]);
});

test("brun takes each flag of podman run and docker run, or the error says what to do instead", () => {
  expect(THEIRS.filter((name) => !names.includes(name) && !Object.hasOwn(OTHER_FLAGS, name))).toEqual([]);
});
