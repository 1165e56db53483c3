/** docker: a daemon of our own, with brun among its runtimes. */
import type { Suite } from "./check.ts";
import { startContainerd } from "./containerd.ts";

/** Starts dockerd once, with the image; prelude for the suites that need it, after {@link startContainerd}. */
export const startDocker = `
    K=$W/docker
    if ! docker version >/dev/null 2>&1; then
      mkdir -p $K
      dockerd --host unix://$K/docker.sock --data-root $K/data --exec-root $K/exec --pidfile $K/pid \\
        --containerd $C/containerd.sock --exec-opt native.cgroupdriver=cgroupfs \\
        --default-ulimit nofile=$(ulimit -Hn):$(ulimit -Hn) \\
        --config-file $W/daemon.json >$K/log 2>&1 &
      eventually docker version
      docker import --change 'CMD ["/bin/sh"]' $W/image.tar $IMAGE
    fi`;

export const docker: Suite = {
  client: "docker",
  needs: ["docker", "dockerd", "containerd", "script"],
  callers: ["root"],
  setUp: `${startContainerd}
    ${startDocker}`,
  tidy: `ids=$(docker ps -aq)
    [ -z "$ids" ] || docker rm -f -v $ids`,
  checks: [
    {
      name: "info: the runtime is known",
      script: `has "$(docker info --format '{{json .Runtimes}}')" "\\"$RUNTIME\\""`,
    },
    {
      name: "run: output, exit code",
      script: `
    is "$(docker run --rm --runtime $RUNTIME $IMAGE echo hi)" hi
    status 7 docker run --rm --runtime $RUNTIME $IMAGE sh -c 'exit 7'
    is "$(echo in | docker run --rm -i --runtime $RUNTIME $IMAGE cat)" in`,
    },
    {
      name: "run: a program that is missing (127), not executable (126)",
      script: `
    status 127 docker run --rm --runtime $RUNTIME $IMAGE /no/such/program
    status 127 docker run --rm --runtime $RUNTIME $IMAGE nothing-by-this-name
    status 126 docker run --rm --runtime $RUNTIME $IMAGE /etc/passwd`,
    },
    {
      name: "run -it",
      script: `
    out=$(printf 'sleep 1\\ntty\\nstty size\\nexit 5\\n' | terminal docker run --rm -it --runtime $RUNTIME $IMAGE sh; :)
    has "$out" /dev/pts/0
    has "$out" "40 100"`,
    },
    {
      name: "exec: output, exit code, user, env, -d",
      script: `
    docker run -d --name $N --runtime $RUNTIME $IMAGE sleep 1000
    is "$(docker exec $N echo hi)" hi
    status 5 docker exec $N sh -c 'exit 5'
    is "$(echo in | docker exec -i $N cat)" in
    is "$(docker exec -u 1000:50 -e A=b -w /etc $N sh -c 'echo $(id -u) $(id -g) $A $PWD')" "1000 50 b /etc"
    docker exec -d $N touch /tmp/flag
    eventually docker exec $N test -e /tmp/flag
    is "$(docker exec $N sed -n 's/^CapAmb:\\t//p' /proc/self/status)" 0000000000000000`,
    },
    {
      // 126 of docker 20.10, 127 of later ones.
      name: "exec: a program that is missing (126 or 127), not executable (126)",
      script: `
    docker run -d --name $N --runtime $RUNTIME $IMAGE sleep 1000
    for program in /no/such/program nothing-by-this-name; do
      out=$(docker exec $N $program 2>&1) && fail "it ran" || code=$?
      [ $code = 126 ] || [ $code = 127 ] || fail "exit code $code"
      case $program in /*) has "$out" "no such file or directory" ;; *) has "$out" 'executable file not found in $PATH' ;; esac
    done
    status 126 docker exec $N /etc/passwd`,
    },
    {
      name: "exec -it",
      script: `
    docker run -d --name $N --runtime $RUNTIME $IMAGE sleep 1000
    out=$(printf 'sleep 1\\ntty\\nstty size\\nexit 5\\n' | terminal docker exec -it $N sh; :)
    has "$out" /dev/pts/
    has "$out" "40 100"`,
    },
    {
      name: "stop, start, restart, kill, wait, rm",
      script: `
    docker run -d --name $N --runtime $RUNTIME $IMAGE sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done'
    sleep 0.5
    docker stop -t 10 $N
    is "$(docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' $N)" "exited 3"
    docker start $N
    docker restart -t 5 $N
    is "$(docker inspect -f '{{.State.Running}} {{.RestartCount}}' $N)" "true 0"
    docker kill -s KILL $N
    is "$(docker wait $N)" 137
    docker rm $N`,
    },
    {
      name: "--restart on-failure",
      script: `
    docker run -d --name $N --restart on-failure:2 --runtime $RUNTIME $IMAGE sh -c 'echo run; exit 1'
    eventually sh -c "[ \\"\\$(docker inspect -f '{{.RestartCount}} {{.State.Status}}' $N)\\" = '2 exited' ]"
    is "$(docker logs $N | wc -l)" 3`,
    },
    {
      name: "logs, top, inspect, cp, diff",
      script: `
    docker run -d --name $N --runtime $RUNTIME $IMAGE sh -c 'echo one; exec sleep 1000'
    eventually sh -c "docker logs $N | grep one"
    has "$(docker top $N)" "sleep 1000"
    is "$(docker inspect -f '{{.HostConfig.Runtime}}' $N)" $RUNTIME
    echo text >$D/file
    docker cp $D/file $N:/tmp/file
    has "$(docker diff $N)" "A /tmp/file"`,
    },
    {
      name: "stats",
      script: `
    docker run -d --name $N --memory 64m --runtime $RUNTIME $IMAGE sh -c 'while :; do :; done'
    has "$(docker stats --no-stream --format '{{.Name}} {{.MemUsage}} {{.PIDs}}' $N)" "$N * / 64MiB 1"
    cpu=$(docker stats --no-stream --format '{{.CPUPerc}}' $N)
    [ "$cpu" != 0.00% ] || fail "no CPU time"`,
    },
    {
      name: "update",
      script: `
    docker run -d --name $N --memory 64m --runtime $RUNTIME $IMAGE sleep 1000
    docker update --memory 32m --memory-swap 64m --cpus 0.5 --pids-limit 30 $N
    id=$(docker inspect -f '{{.Id}}' $N)
    if [ -d /sys/fs/cgroup/memory ]; then
      is "$(cat /sys/fs/cgroup/memory/docker/$id/memory.limit_in_bytes)" 33554432
      is "$(cat /sys/fs/cgroup/pids/docker/$id/pids.max)" 30
    else
      is "$(cat /sys/fs/cgroup/docker/$id/memory.max)" 33554432
      is "$(cat /sys/fs/cgroup/docker/$id/pids.max)" 30
    fi`,
    },
    {
      name: "pause, unpause",
      script: `
    docker run -d --name $N --runtime $RUNTIME $IMAGE sleep 1000
    docker pause $N
    is "$(docker inspect -f '{{.State.Status}}' $N)" paused
    docker exec $N true && fail "exec in a paused container"
    docker unpause $N
    docker exec $N true`,
    },
    {
      name: "--memory: the OOM killer",
      script: `
    docker run --name $N --memory 16m --runtime $RUNTIME $IMAGE dd if=/dev/zero of=/dev/null bs=100M count=1 && fail "100 MB under 16 MB"
    is "$(docker inspect -f '{{.State.ExitCode}} {{.State.OOMKilled}}' $N)" "137 true"`,
    },
    {
      name: "--init, --pid, --net, --ipc, --uts, --cgroupns",
      script: `
    run() { docker run --rm --runtime $RUNTIME "$@"; }
    has "$(run --init $IMAGE cat /proc/1/comm)" init
    is "$(run --pid host $IMAGE readlink /proc/self/ns/pid)" "$(readlink /proc/self/ns/pid)"
    is "$(run --net host $IMAGE readlink /proc/self/ns/net)" "$(readlink /proc/self/ns/net)"
    is "$(run --ipc host $IMAGE readlink /proc/self/ns/ipc)" "$(readlink /proc/self/ns/ipc)"
    is "$(run --uts host $IMAGE readlink /proc/self/ns/uts)" "$(readlink /proc/self/ns/uts)"
    docker run -d --name $N --ipc shareable --runtime $RUNTIME $IMAGE sleep 1000
    is "$(run --pid container:$N --net container:$N --ipc container:$N $IMAGE cat /proc/1/comm)" sleep`,
    },
    {
      name: "--network bridge",
      script: `
    docker run -d --name $N --runtime $RUNTIME $IMAGE sh -c 'mkdir /www; echo served >/www/index.html; exec httpd -f -h /www'
    address=$(docker inspect -f '{{.NetworkSettings.IPAddress}}' $N)
    eventually docker exec $N wget -q -O - http://127.0.0.1/
    is "$(docker run --rm --runtime $RUNTIME $IMAGE wget -q -O - http://$address/)" served`,
    },
    {
      name: "--read-only, --tmpfs, -v, --mount, volumes",
      script: `
    run() { docker run --rm --runtime $RUNTIME "$@"; }
    run --read-only $IMAGE touch /x && fail written
    run --read-only --tmpfs /tmp:size=1m,noexec $IMAGE touch /tmp/x
    echo text >$D/file
    is "$(run -v $D:/mnt:ro $IMAGE cat /mnt/file)" text
    is "$(run --mount type=bind,src=$D,dst=/mnt,readonly,bind-propagation=rslave $IMAGE cat /mnt/file)" text
    run -v $N:/etc $IMAGE true
    run -v $N:/mnt $IMAGE grep alice /mnt/passwd
    docker volume rm $N`,
    },
    {
      name: "--cap-drop, --security-opt, --user, --ulimit, --sysctl, --device",
      script: `
    run() { docker run --rm --runtime $RUNTIME "$@"; }
    is "$(run --cap-drop all $IMAGE sed -n 's/^CapEff:\\t//p' /proc/self/status)" 0000000000000000
    has "$(run --security-opt no-new-privileges $IMAGE grep NoNewPrivs /proc/self/status)" 1
    has "$(run --security-opt seccomp=unconfined $IMAGE grep Seccomp: /proc/self/status)" 0
    has "$(run $IMAGE grep Seccomp: /proc/self/status)" 2
    is "$(run --user 1000:50 --group-add 60 $IMAGE id -G)" "50 60"
    is "$(run --ulimit nofile=100:200 $IMAGE sh -c 'ulimit -n')" 100
    is "$(run --sysctl net.ipv4.ip_forward=0 $IMAGE cat /proc/sys/net/ipv4/ip_forward)" 0
    run --device /dev/fuse $IMAGE sh -c '[ -c /dev/fuse ]'`,
    },
    {
      name: "--privileged",
      script: `
    has "$(docker run --rm --privileged --runtime $RUNTIME $IMAGE grep Seccomp: /proc/self/status)" 0
    docker run -d --name $N --runtime $RUNTIME $IMAGE sleep 1000
    docker exec --privileged $N true`,
    },
    {
      name: "devices: what the rules forbid",
      script: `
    docker run --rm --runtime $RUNTIME --cap-add MKNOD $IMAGE sh -c 'mknod /f c 10 229 && cat /f' && fail "a device that was not granted"
    docker run --rm --runtime $RUNTIME --cap-add MKNOD --device-cgroup-rule 'c 1:5 r' $IMAGE sh -c 'mknod /z c 1 5 && head -c 1 /z >/dev/null'`,
    },
    {
      name: "healthcheck",
      script: `
    docker run -d --name $N --health-cmd 'test -e /tmp/well' --health-interval 500ms --health-retries 1 --runtime $RUNTIME $IMAGE sleep 1000
    eventually sh -c "docker inspect -f '{{.State.Health.Status}}' $N | grep unhealthy"
    docker exec $N touch /tmp/well
    eventually sh -c "docker inspect -f '{{.State.Health.Status}}' $N | grep -x healthy"`,
    },
    {
      name: "ten at once",
      script: `
    for i in 0 1 2 3 4 5 6 7 8 9; do docker run --rm --runtime $RUNTIME $IMAGE echo $i >$D/$i & done
    wait
    is "$(cat $D/? | sort | tr -d '\\n')" 0123456789`,
    },
    {
      name: "nothing is left",
      script: `
    is "$(find /sys/fs/cgroup -path '*/docker/*' -type d)" ""
    is "$(find $W/docker/exec/runtime-* -mindepth 2 -maxdepth 2 2>/dev/null)" ""`,
    },
  ],
};
