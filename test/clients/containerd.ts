/** containerd by its own client, and how the daemon that docker shares is set up. */
import type { Suite } from "./check.ts";

/** Starts containerd once; prelude for the suites that need it. The image has a command, so that CRI can use it. */
export const startContainerd = `
    C=$W/containerd
    if ! ctr version >/dev/null 2>&1; then
      mkdir -p $C
      sed "s|@DIR@|$C|; s|@W@|$W|" >$C/config.toml <<'END'
version = 2
imports = ["@W@/examples/containerd/brun.toml"]
root = "@DIR@/root"
state = "@DIR@/state"
[grpc]
  address = "@DIR@/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "@DIR@/opt"
[plugins."io.containerd.grpc.v1.cri"]
  disable_tcp_service = true
  stream_server_address = "127.0.0.1"
END
      containerd --config $C/config.toml >$C/log 2>&1 &
      eventually ctr version
    fi`;

const RUN = 'ctr run --runc-binary "$(command -v $RUNTIME)"';

export const containerd: Suite = {
  client: "containerd",
  needs: ["containerd", "ctr", "skopeo"],
  callers: ["root"],
  setUp: `${startContainerd}
    skopeo --insecure-policy copy --quiet tarball:$W/image.tar oci-archive:$C/image.oci:$IMAGE
    ctr image import $C/image.oci`,
  tidy: `for task in $(ctr task ls -q); do ctr task kill -s 9 $task || :; ctr task rm -f $task || :; done
    for box in $(ctr container ls -q); do ctr container rm $box; done`,
  checks: [
    {
      name: "ctr run: output, exit code",
      script: `
    is "$(${RUN} --rm $IMAGE $N /bin/echo hi)" hi
    status 7 ${RUN} --rm $IMAGE $N-2 /bin/sh -c 'exit 7'`,
    },
    {
      name: "ctr run: a program that is missing",
      script: `
    out=$(${RUN} --rm $IMAGE $N /no/such/program 2>&1) && fail "it ran"
    has "$out" "no such file or directory"
    out=$(${RUN} --rm $IMAGE $N-2 nothing-by-this-name 2>&1) && fail "it ran"
    has "$out" 'executable file not found in $PATH'`,
    },
    {
      name: "ctr run -t",
      script: `
    has "$(printf 'tty\\nexit\\n' | terminal ${RUN.replace('"$(command -v $RUNTIME)"', "$(command -v $RUNTIME)")} --rm -t $IMAGE $N /bin/sh)" /dev/pts/0`,
    },
    {
      name: "ctr run -d, task exec, ps, kill, rm",
      script: `
    ${RUN} -d $IMAGE $N /bin/sleep 1000
    has "$(ctr task ls)" RUNNING
    is "$(ctr task exec --exec-id e1 $N /bin/echo hi)" hi
    status 5 ctr task exec --exec-id e2 $N /bin/sh -c 'exit 5'
    out=$(ctr task exec --exec-id e3 $N /no/such/program 2>&1) && fail "it ran"
    has "$out" "no such file or directory"
    has "$(ctr task ps $N)" PID
    ctr task kill -s KILL $N
    eventually sh -c "ctr task ls | grep STOPPED"
    ctr task rm $N || test $? = 137
    ctr container rm $N`,
    },
    {
      name: "ctr task exec -t",
      script: `
    ${RUN} -d $IMAGE $N /bin/sleep 1000
    has "$(printf 'tty\\nexit\\n' | terminal ctr task exec -t --exec-id e1 $N /bin/sh)" /dev/pts/`,
    },
    {
      name: "ctr task pause, resume",
      script: `
    ${RUN} -d $IMAGE $N /bin/sleep 1000
    ctr task pause $N
    has "$(ctr task ls)" PAUSED
    ctr task resume $N
    has "$(ctr task ls)" RUNNING`,
    },
    {
      name: "ctr task metrics",
      script: `
    ${RUN} -d $IMAGE $N /bin/sleep 1000
    has "$(ctr task metrics $N)" pids.current`,
    },
    {
      name: "ctr run: limits, mounts, env, user, host network",
      script: `
    echo text >$D/file
    is "$(${RUN} --rm --memory-limit 67108864 --cpus 0.5 $IMAGE $N /bin/echo hi)" hi
    is "$(${RUN} --rm --mount type=bind,src=$D,dst=/mnt,options=rbind:ro $IMAGE $N-2 /bin/cat /mnt/file)" text
    is "$(${RUN} --rm --env A=b --cwd /etc $IMAGE $N-3 /bin/sh -c 'echo $A $PWD')" "b /etc"
    is "$(${RUN} --rm --net-host $IMAGE $N-4 /bin/readlink /proc/self/ns/net)" "$(readlink /proc/self/ns/net)"
    has "$(${RUN} --rm --seccomp $IMAGE $N-6 /bin/grep Seccomp: /proc/self/status)" 2
    ${RUN} --rm --read-only $IMAGE $N-7 /bin/touch /x && fail written
    :`,
    },
    {
      name: "ctr run --privileged",
      script: `
    has "$(${RUN} --rm --privileged $IMAGE $N /bin/grep Seccomp: /proc/self/status)" 0`,
    },
    {
      name: "examples/containerd: the configuration is understood",
      brunOnly: true,
      script: `
    out=$(containerd --config $W/containerd/config.toml config dump)
    has "$out" containerd.runtimes.brun.options
    has "$out" "BinaryName = ?$W/bin/brun"`,
    },
    {
      name: "nothing is left",
      script: `
    is "$(find $W/containerd/state/io.containerd.runtime.v2.task -mindepth 2 -maxdepth 2)" ""
    is "$(ls /run/$RUNTIME /run/containerd/runc/default 2>/dev/null | grep -v : || :)" ""`,
    },
  ],
};
