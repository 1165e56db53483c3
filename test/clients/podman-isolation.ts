/** podman: what a container may and sees: rights, namespaces, limits. */
import type { Check } from "./check.ts";

/** A seccomp profile that refuses mkdir. */
const NO_MKDIR = JSON.stringify({
  defaultAction: "SCMP_ACT_ALLOW",
  architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
  syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 1 }],
});

export const podmanIsolation: readonly Check[] = [
  {
    name: "--read-only",
    script: `
    podman run --rm --read-only $IMAGE touch /file && fail "written"
    podman run --rm --read-only $IMAGE touch /tmp/file
    podman run --rm --read-only --read-only-tmpfs=false $IMAGE touch /tmp/file && fail "written"
    :`,
  },
  {
    name: "--cap-drop, --cap-add",
    script: `
    caps() { podman run --rm "$@" $IMAGE sed -n 's/^CapEff:\\t//p' /proc/self/status; }
    is "$(caps --cap-drop all)" 0000000000000000
    is "$(caps --cap-drop all --cap-add net_raw,kill)" 0000000000002020
    is "$(podman run --rm --cap-drop all --cap-add net_raw --user 1000 $IMAGE sed -n 's/^CapEff:\\t//p' /proc/self/status)" 0000000000002000`,
  },
  {
    name: "--privileged",
    script: `
    has "$(podman run --rm --privileged $IMAGE grep Seccomp: /proc/self/status)" 0
    podman run --rm --privileged $IMAGE sh -c 'mount -t tmpfs none /mnt 2>/dev/null || mkdir /m && mount -t tmpfs none /m'`,
  },
  {
    name: "--security-opt seccomp=PROFILE",
    script: `
    echo '${NO_MKDIR}' >$D/profile.json
    out=$(podman run --rm --security-opt seccomp=$D/profile.json $IMAGE mkdir /x 2>&1) && fail "made"
    has "$out" "not permitted"
    podman run --rm --security-opt seccomp=unconfined $IMAGE mkdir /x
    has "$(podman run --rm --security-opt seccomp=unconfined $IMAGE grep Seccomp: /proc/self/status)" 0
    has "$(podman run --rm $IMAGE grep Seccomp: /proc/self/status)" 2`,
  },
  {
    name: "--security-opt no-new-privileges, mask, unmask",
    script: `
    has "$(podman run --rm --security-opt no-new-privileges $IMAGE grep NoNewPrivs /proc/self/status)" 1
    is "$(podman run --rm --security-opt mask=/etc/passwd $IMAGE cat /etc/passwd)" ""
    has "$(podman run --rm $IMAGE cat /proc/mounts)" " /proc/keys "
    lacks "$(podman run --rm --security-opt unmask=ALL $IMAGE cat /proc/mounts)" " /proc/keys "
    has "$(podman run --rm --security-opt proc-opts=hidepid=2 $IMAGE grep ' /proc ' /proc/mounts)" hidepid`,
  },
  {
    name: "--userns=keep-id, nomap, auto",
    as: "user",
    script: `
    is "$(podman run --rm --userns keep-id $IMAGE id -u)" "$(id -u)"
    podman run --rm --userns nomap $IMAGE true
    is "$(podman run --rm --userns keep-id --user 0 $IMAGE id -u)" 0
    echo mine >$D/file
    is "$(podman run --rm --userns keep-id -v $D:/mnt $IMAGE stat -c %u /mnt/file)" "$(id -u)"`,
  },
  {
    name: "--uidmap, --gidmap",
    script: `
    out=$(podman run --rm --uidmap 0:1:1000 --gidmap 0:1:1000 $IMAGE cat /proc/self/uid_map)
    has "$out" "0 * 1000"
    lacks "$out" 65536`,
  },
  {
    name: "--userns=auto, --userns=container:",
    as: "root",
    script: `
    podman run -d --name $N --uidmap 0:100000:5000 --gidmap 0:100000:5000 $IMAGE sleep 1000
    is "$(podman run --rm --userns container:$N $IMAGE readlink /proc/self/ns/user)" "$(podman exec $N readlink /proc/self/ns/user)"`,
  },
  {
    name: "--init",
    script: `
    has "$(podman run --rm --init $IMAGE cat /proc/1/cmdline)" init
    podman run -d --name $N --init $IMAGE sleep 1000
    podman stop -t 10 $N
    is "$(podman wait $N)" 143`,
  },
  {
    name: "--pid host, container:",
    script: `
    is "$(podman run --rm --pid host $IMAGE readlink /proc/self/ns/pid)" "$(readlink /proc/self/ns/pid)"
    podman run -d --name $N $IMAGE sleep 1000
    is "$(podman run --rm --pid container:$N $IMAGE cat /proc/1/comm)" sleep
    podman run --rm --pid container:$N $IMAGE sh -c '[ $$ != 1 ]'`,
  },
  {
    name: "--network none, host, container:",
    script: `
    is "$(podman run --rm --network none $IMAGE ls /sys/class/net)" lo
    is "$(podman run --rm --network host $IMAGE readlink /proc/self/ns/net)" "$(readlink /proc/self/ns/net)"
    podman run -d --name $N --network none $IMAGE sleep 1000
    is "$(podman run --rm --network container:$N $IMAGE readlink /proc/self/ns/net)" "$(podman exec $N readlink /proc/self/ns/net)"
    podman run --rm --network host $IMAGE ls /sys/class/net`,
  },
  {
    name: "--network bridge",
    as: "root",
    script: `
    has "$(podman run --rm --network bridge $IMAGE ip -o addr show eth0)" "10.88."
    podman run -d --name $N -p 18080:80 $IMAGE sh -c 'mkdir -p /www; echo served >/www/index.html; exec httpd -f -h /www'
    eventually podman exec $N wget -q -O - http://127.0.0.1/`,
  },
  {
    name: "--ipc host, container:, --uts host",
    script: `
    is "$(podman run --rm --ipc host $IMAGE readlink /proc/self/ns/ipc)" "$(readlink /proc/self/ns/ipc)"
    podman run -d --name $N --ipc shareable $IMAGE sleep 1000
    is "$(podman run --rm --ipc container:$N $IMAGE readlink /proc/self/ns/ipc)" "$(podman exec $N readlink /proc/self/ns/ipc)"
    is "$(podman run --rm --uts host $IMAGE hostname)" "$(hostname)"
    is "$(podman run --rm --hostname box $IMAGE hostname)" box`,
  },
  {
    name: "--cgroupns host, private",
    script: `
    is "$(podman run --rm --cgroupns host $IMAGE readlink /proc/self/ns/cgroup)" "$(readlink /proc/self/ns/cgroup)"
    [ "$(podman run --rm --cgroupns private $IMAGE readlink /proc/self/ns/cgroup)" != "$(readlink /proc/self/ns/cgroup)" ]`,
  },
  {
    name: "--cgroups=disabled, no-conmon",
    script: `
    podman run --rm --cgroups=no-conmon $IMAGE true
    if [ $RUNTIME != runc ]; then is "$(podman run --rm --cgroups=disabled $IMAGE echo hi)" hi; fi`,
  },
  {
    name: "--device",
    script: `
    podman run --rm --device /dev/fuse $IMAGE sh -c '[ -c /dev/fuse ]'
    podman run --rm --device /dev/null:/dev/nought:rw $IMAGE sh -c 'echo x >/dev/nought'
    podman run --rm $IMAGE sh -c '[ ! -e /dev/fuse ]'`,
  },
  {
    name: "--ulimit",
    script: `
    is "$(podman run --rm --ulimit nofile=100:200 --ulimit nproc=1000:1000 $IMAGE sh -c 'ulimit -Sn; ulimit -Hn' | tr '\\n' ' ')" "100 200 "
    is "$(podman run --rm --ulimit core=0 --ulimit nofile=200:200 --ulimit nproc=1000:1000 $IMAGE sh -c 'ulimit -c')" 0`,
  },
  {
    name: "--sysctl",
    script: `
    is "$(podman run --rm --sysctl net.ipv4.ip_unprivileged_port_start=77 $IMAGE cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" 77
    is "$(podman run --rm --sysctl kernel.msgmax=4000 $IMAGE cat /proc/sys/kernel/msgmax)" 4000`,
  },
  {
    name: "--user, --group-add, --umask, --workdir, --env",
    script: `
    is "$(podman run --rm --user 1000:50 --group-add 60 $IMAGE id -G)" "50 60"
    is "$(podman run --rm --user alice $IMAGE sh -c 'id -un; echo $HOME' | tr '\\n' ' ')" "alice /home/alice "
    is "$(podman run --rm --umask 0077 $IMAGE sh -c umask)" 0077
    is "$(podman run --rm --workdir /etc $IMAGE pwd)" /etc
    is "$(podman run --rm --env A=1 --env B= $IMAGE sh -c 'echo $A$B')" 1
    is "$(podman run --rm --entrypoint /bin/echo $IMAGE word)" word`,
  },
  {
    name: "--group-add keep-groups",
    as: "user",
    script: `
    [ $RUNTIME = runc ] || podman run --rm --group-add keep-groups $IMAGE id`,
  },
  {
    name: "--shm-size, --oom-score-adj, --tz",
    script: `
    has "$(podman run --rm --shm-size 1m $IMAGE df -k /dev/shm)" 1024
    is "$(podman run --rm --oom-score-adj 500 $IMAGE cat /proc/self/oom_score_adj)" 500`,
  },
  {
    name: "--systemd=always",
    script: `
    has "$(podman run --rm --systemd always $IMAGE cat /proc/mounts)" " /run/lock tmpfs "
    podman run --rm --systemd always $IMAGE sh -c 'mkdir /sys/fs/cgroup/mine || mkdir /sys/fs/cgroup/systemd/mine'`,
  },
  {
    name: "--memory, --cpus, --pids-limit",
    as: "root",
    script: `
    podman run -d --name $N --memory 64m --cpus 0.5 --pids-limit 20 $IMAGE sleep 1000
    path=$(podman inspect -f '{{.State.CgroupPath}}' $N)
    if [ -d /sys/fs/cgroup/memory ]; then
      is "$(cat /sys/fs/cgroup/memory$path/memory.limit_in_bytes)" 67108864
      is "$(cat /sys/fs/cgroup/cpu$path/cpu.cfs_quota_us)" 50000
      is "$(cat /sys/fs/cgroup/pids$path/pids.max)" 20
    else
      is "$(cat /sys/fs/cgroup$path/memory.max)" 67108864
      is "$(cat /sys/fs/cgroup$path/cpu.max)" "50000 100000"
      is "$(cat /sys/fs/cgroup$path/pids.max)" 20
    fi
    has "$(podman stats --no-stream --format '{{.MemLimit}} {{.MemUsage}}' $N 2>/dev/null || podman stats --no-stream $N)" 67.1`,
  },
  {
    name: "--pids-limit -1",
    as: "root",
    script: `
    is "$(podman run --rm --pids-limit -1 $IMAGE sh -c 'echo a | cat | cat')" a`,
  },
  {
    name: "--memory: the OOM killer",
    as: "root",
    script: `
    status 137 podman run --name $N --memory 16m $IMAGE dd if=/dev/zero of=/dev/null bs=100M count=1`,
  },
  {
    name: "--memory: inspect knows of the OOM killer",
    as: "root",
    script: `
    podman run --name $N --memory 16m $IMAGE dd if=/dev/zero of=/dev/null bs=100M count=1 || :
    is "$(podman inspect -f '{{.State.OOMKilled}}' $N)" true`,
  },
];
