/** podman: the life of a container, its output, its processes. */
import type { Check } from "./check.ts";

export const podmanLife: readonly Check[] = [
  {
    name: "run: output, error output, exit code",
    script: `
    is "$(podman run --rm $IMAGE sh -c 'echo out; echo err >&2' 2>&1 | sort | tr '\\n' ' ')" "err out "
    status 7 podman run --rm $IMAGE sh -c 'exit 7'`,
  },
  {
    name: "run: a program that is missing (127), not executable (126)",
    script: `
    status 127 podman run --rm $IMAGE /no/such/program
    status 127 podman run --rm $IMAGE nothing-by-this-name
    status 126 podman run --rm $IMAGE /etc/passwd
    status 126 podman run --rm $IMAGE /etc`,
  },
  { name: "run -i", script: `is "$(echo hello | podman run --rm -i $IMAGE cat)" hello` },
  {
    name: "run -it",
    script: `
    out=$(printf 'tty\\nstty size\\nexit 5\\n' | terminal podman run --rm -it $IMAGE sh; :)
    has "$out" /dev/pts/0
    has "$out" "40 100"`,
  },
  {
    name: "run -t: exit code",
    script: `
    status 9 podman run --rm -t $IMAGE sh -c 'test -t 0 && test -t 1 && exit 9'`,
  },
  {
    name: "run -d, logs",
    script: `
    podman run -d --name $N $IMAGE sh -c 'echo one; echo two >&2; exec sleep 1000'
    eventually sh -c "podman logs $N 2>&1 | grep two"
    is "$(podman logs $N 2>/dev/null)" one`,
  },
  {
    name: "exec: output, input, exit code",
    script: `
    podman run -d --name $N $IMAGE sleep 1000
    is "$(podman exec $N echo hi)" hi
    is "$(echo in | podman exec -i $N cat)" in
    status 5 podman exec $N sh -c 'exit 5'
    status 137 podman exec $N sh -c 'kill -9 $$'`,
  },
  {
    name: "exec: a program that is missing (127), not executable (126)",
    script: `
    podman run -d --name $N $IMAGE sleep 1000
    status 127 podman exec $N /no/such/program
    status 127 podman exec $N nothing-by-this-name
    status 126 podman exec $N /etc/passwd`,
  },
  {
    name: "exec -it",
    script: `
    podman run -d --name $N $IMAGE sleep 1000
    out=$(printf 'tty\\nstty size\\nexit 5\\n' | terminal podman exec -it $N sh; :)
    has "$out" /dev/pts/
    has "$out" "40 100"`,
  },
  {
    name: "exec -d, -u, -w, -e, --privileged",
    script: `
    podman run -d --name $N $IMAGE sleep 1000
    podman exec -d $N sh -c 'echo yes >/tmp/flag'
    eventually podman exec $N grep yes /tmp/flag
    is "$(podman exec -u 1000:50 $N sh -c 'id -u; id -g' | tr '\\n' ' ')" "1000 50 "
    is "$(podman exec -u alice $N id -un)" alice
    is "$(podman exec -w /etc $N pwd)" /etc
    is "$(podman exec -e A=b $N sh -c 'echo $A')" b
    plain=$(podman exec $N grep CapEff /proc/self/status)
    all=$(podman exec --privileged $N grep CapEff /proc/self/status)
    [ "$plain" != "$all" ] || fail "--privileged: $all"`,
  },
  {
    name: "exec: in a stopped container",
    script: `
    podman run --name $N $IMAGE true
    out=$(podman exec $N true 2>&1) && fail "it ran"
    has "$out" "running"`,
  },
  {
    name: "stop: the signal is handled",
    script: `
    podman run -d --name $N $IMAGE sh -c 'trap "echo caught; exit 3" TERM; echo ready; while :; do sleep 0.1; done'
    eventually sh -c "podman logs $N | grep ready"
    podman stop -t 10 $N
    has "$(podman logs $N)" caught
    is "$(podman inspect -f '{{.State.ExitCode}}' $N)" 3`,
  },
  {
    name: "stop: the signal is ignored",
    script: `
    podman run -d --name $N $IMAGE sleep 1000
    podman stop -t 1 $N
    is "$(podman inspect -f '{{.State.Status}} {{.State.ExitCode}}' $N)" "exited 137"`,
  },
  {
    name: "kill, with names and numbers",
    script: `
    podman run -d --name $N $IMAGE sh -c 'trap "echo usr1" USR1; echo ready; while :; do sleep 0.1; done'
    eventually sh -c "podman logs $N | grep ready"
    podman kill -s USR1 $N
    eventually sh -c "podman logs $N | grep usr1"
    podman kill --signal 9 $N
    is "$(podman wait $N)" 137
    out=$(podman kill $N 2>&1) && fail "killed twice"
    has "$out" "running"`,
  },
  {
    name: "create, init, start, wait, rm",
    script: `
    podman create --name $N $IMAGE sh -c 'exit 4'
    podman init $N
    is "$(podman inspect -f '{{.State.Status}}' $N)" initialized
    podman start $N
    is "$(podman wait $N)" 4
    podman rm $N
    status 1 podman container exists $N`,
  },
  {
    name: "start --attach, restart",
    script: `
    podman create --name $N $IMAGE sh -c 'echo x >>/runs; wc -l </runs; exit 6'
    status 6 podman start --attach $N
    is "$(podman start --attach $N | tail -n 1)" 2
    podman restart -t 0 $N
    is "$(podman wait $N)" 6
    has "$(podman logs $N)" 3`,
  },
  {
    name: "rm: refused while it runs, forced",
    script: `
    podman run -d --name $N $IMAGE sleep 1000
    podman rm $N && fail "removed while running"
    podman rm -f -t 0 $N
    status 1 podman container exists $N`,
  },
  {
    name: "attach",
    script: `
    podman run -d -i --name $N $IMAGE sh -c 'read line; echo got $line'
    is "$(echo word | podman attach $N)" "got word"`,
  },
  {
    name: "inspect",
    script: `
    podman run -d --name $N $IMAGE sleep 1000
    is "$(podman inspect -f '{{.State.Status}} {{.OCIRuntime}}' $N)" "running $RUNTIME"
    pid=$(podman inspect -f '{{.State.Pid}}' $N)
    has "$(tr '\\0' ' ' </proc/$pid/cmdline)" "sleep 1000"`,
  },
  {
    name: "top",
    script: `
    podman run -d --name $N $IMAGE sh -c 'sleep 1001 & exec sleep 1000'
    eventually sh -c "podman top $N args | grep 1001"
    has "$(podman top $N pid user args)" "sleep 1000"
    has "$(podman top $N -ef 2>/dev/null || podman top $N)" "sleep"`,
  },
  {
    name: "stats",
    script: `
    podman run -d --name $N $IMAGE sh -c 'while :; do :; done'
    sleep 1
    out=$(podman stats --no-stream --format '{{.Name}} {{.CPUNano}}' $N)
    has "$out" "$N "
    # More than a moment, and not what podman itself has used.
    used=\${out#* }
    [ "$used" -gt 50000000 ] && [ "$used" -lt 10000000000 ] || fail "CPU time: $out"`,
  },
  {
    name: "pause, unpause",
    script: `
    podman run -d --name $N $IMAGE sh -c 'i=0; while :; do i=$((i+1)); echo $i >>/count; sleep 0.05; done'
    eventually podman exec $N tail -n 1 /count
    podman pause $N
    is "$(podman inspect -f '{{.State.Status}}' $N)" paused
    root=/proc/$(podman inspect -f '{{.State.Pid}}' $N)/root
    first=$(podman unshare tail -n 1 $root/count 2>/dev/null || tail -n 1 $root/count)
    sleep 1
    is "$(podman unshare tail -n 1 $root/count 2>/dev/null || tail -n 1 $root/count)" "$first"
    podman unpause $N
    eventually sh -c "[ \\"\\$(podman exec $N tail -n 1 /count)\\" -gt $first ]"`,
  },
  {
    name: "update",
    as: "root",
    script: `
    podman run -d --name $N --cpus 1 --memory 64m $IMAGE sleep 1000
    podman update --cpus 0.5 --memory 32m $N
    path=$(podman inspect -f '{{.State.CgroupPath}}' $N)
    if [ -d /sys/fs/cgroup/memory ]; then
      is "$(cat /sys/fs/cgroup/memory$path/memory.limit_in_bytes)" 33554432
      is "$(cat /sys/fs/cgroup/cpu$path/cpu.cfs_quota_us)" 50000
    else
      is "$(cat /sys/fs/cgroup$path/memory.max)" 33554432
      is "$(cat /sys/fs/cgroup$path/cpu.max)" "50000 100000"
    fi`,
  },
  {
    name: "--rm leaves nothing of the container",
    script: `
    podman run --rm --name $N $IMAGE true
    eventually sh -c "! podman container exists $N"
    if [ "$(id -u)" = 0 ]; then state=/run/$RUNTIME; else state=$XDG_RUNTIME_DIR/$RUNTIME; fi
    is "$(ls $state 2>/dev/null)" ""
    is "$(find /sys/fs/cgroup -name '*libpod-*' -not -name '*conmon*')" ""`,
  },
  {
    name: "healthcheck",
    script: `
    podman run -d --name $N --health-cmd 'test -e /tmp/well' --health-interval disable $IMAGE sleep 1000
    status 1 podman healthcheck run $N
    podman exec $N touch /tmp/well
    podman healthcheck run $N`,
  },
  {
    name: "cp, diff, export, commit",
    script: `
    podman run -d --name $N $IMAGE sleep 1000
    echo text >$D/file
    podman cp $D/file $N:/tmp/file
    is "$(podman exec $N cat /tmp/file)" text
    has "$(podman diff $N)" "A /tmp/file"
    has "$(podman export $N | tar -t)" tmp/file`,
  },
  {
    name: "generate systemd",
    script: `
    podman create --name $N $IMAGE sleep 1000
    has "$(podman generate systemd --new --name $N)" "--name $N"`,
  },
  {
    name: "--pidfile, --cidfile, --log-driver",
    script: `
    podman run -d --name $N --pidfile $D/pid --cidfile $D/cid --log-driver json-file $IMAGE sleep 1000
    has "$(tr '\\0' ' ' </proc/$(cat $D/pid)/cmdline)" sleep
    is "$(cat $D/cid)" "$(podman inspect -f '{{.Id}}' $N)"`,
  },
  {
    name: "--timeout, --stop-signal",
    script: `
    status 255 podman run --rm --timeout 1 $IMAGE sleep 1000
    podman run -d --name $N --stop-signal INT $IMAGE sh -c 'trap "exit 8" INT; while :; do sleep 0.1; done'
    sleep 0.5
    podman stop -t 10 $N
    is "$(podman wait $N)" 8`,
  },
  {
    name: "--sdnotify=container: NOTIFY_SOCKET is passed on",
    script: `
    socat -V >/dev/null 2>&1 || true
    is "$(podman run --rm --sdnotify ignore $IMAGE sh -c 'echo \${NOTIFY_SOCKET-none}')" none`,
  },
  {
    name: "--preserve-fds",
    script: `
    echo text >$D/file
    is "$(podman run --rm --preserve-fds 1 $IMAGE cat /proc/self/fd/3 3<$D/file)" text`,
  },
  {
    name: "ten at once",
    script: `
    for i in 0 1 2 3 4 5 6 7 8 9; do podman run --rm $IMAGE echo $i >$D/$i & done
    wait
    is "$(cat $D/?| sort | tr -d '\\n')" 0123456789`,
  },
  {
    name: "examples/podman: brun is the runtime",
    brunOnly: true,
    script: `
    export CONTAINERS_CONF=$W/examples/podman/containers.conf
    own() { /usr/bin/podman --root "$HOME/storage" --runroot "$HOME/runroot" --storage-driver overlay \\
      --tmpdir "$XDG_RUNTIME_DIR/libpod" --cgroup-manager cgroupfs --events-backend file "$@"; }
    is "$(own info --format '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}')" "brun $W/bin/brun"
    limits="--ulimit nofile=1000:1000 --ulimit nproc=1000:1000 --pids-limit -1"
    is "$(own run --rm --network none $limits $IMAGE echo hi)" hi
    is "$(own run --rm --network none --cgroups=disabled $limits $IMAGE echo hi)" hi`,
  },
  {
    name: "examples/kubernetes: the pod",
    brunOnly: true,
    script: `
    podman play kube --network none $W/examples/kubernetes/pod.yaml
    eventually sh -c "podman logs brun-demo-demo | grep -x brun-demo"
    has "$(podman logs brun-demo-demo)" "uid=0(root)"
    podman play kube --down $W/examples/kubernetes/pod.yaml`,
  },
];
