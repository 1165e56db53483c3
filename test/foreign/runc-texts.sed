# Messages that the suite looks for, as brun words them: applied to a copy of the .bats files.
s/error running \(createRuntime\|\$hook\) hook #1:/hooks.\1[1]: /
s/error running startContainer hook/hooks.startContainer[0]: /
s/bad system call/was killed by signal 31/
s/must be mounted on ordinary directory/the mount point may not be a symbolic link/
s/failed to connect with seccomp agent/is the agent running/
s/Such configuration is strongly discouraged/such a configuration is strongly discouraged/
s/\*"exec \/run\.sh: no such file or directory"\*/*'exec: "\/run.sh": no such file or directory'*/
s/= "exec \/run\.sh: no such file or directory"/= *'exec: "\/run.sh": no such file or directory'*/
s/runc\\ version\\ /brun\\ version\\ /
s/runc\\ '-'\\ Open\\ Container\\ Initiative\\ runtime+/brun\\ '-'\\ runs\\ OCI\\ containers/
s/\*" adding pid "\*"o such file or directory"\*/*" cgroup"*"o such file or directory"*/
s/\*"unknown controller "\*/*"no controller "*/
s/\*"invalid memory policy mode"\*/*"linux.memoryPolicy.mode: "*/
s/\*"invalid memory policy flag"\*/*"linux.memoryPolicy.flags[1]: "*/
s/\*"invalid memory policy node"\*/*"linux.memoryPolicy.nodes: "*/
s/\*"invalid memory policy"\*/*"linux.memoryPolicy.mode: "*/
s/\*"mode requires 0 nodes but got 8"\*/*"linux.memoryPolicy.nodes: MPOL_DEFAULT takes no nodes"*/
s/\*"unable to apply cgroup configuration"\*"permission denied"\*/*"linux.cgroupsPath cannot be honoured: "*/
s/\*"cannot set pids limit: container could not join or create cgroup"\*/*"linux.resources.pids.limit cannot be honoured: "*/
s/\*'invalid configuration'\*/*"linux.resources.unified needs cgroup v2"*/
s/\*"container's cgroup is not empty"\*/*" has processes already"*/
s/\*"container's cgroup unexpectedly frozen"\*/*" is frozen"*/
s/\*"runc run failed: unable to start container process: error during container init: error mounting"\*/*": cannot bind "*/
# Debug lines: brun has the phases of a command, on stderr for people.
/^function check_debug()/,/^}/ {
s/nsexec container setup/stage started/
s/child process in init()/stage sent into the namespaces/
s/init: closing the pipe to signal completion/program executed/
}
/^function check_exec_debug()/,/^}/ {
s/nsexec container setup/stage started/
s/child process in init()/program sent/
s/setns_init: about to exec/program executed/
}
/^@test "global --debug" {/,/^}/ s/level=debug/[debug]/
/^@test "runc --debug exec" {/,/^}/ s/level=debug/[debug]/
s/!= \*"level=debug"\*/!= *debug*/
s/\*"nsexec"\*": affinity: \$mask"\*/*"process.execCPUAffinity.initial: affinity $mask"*/
s/"\\"seccomp filter flags: \(.*\)\\""/"seccomp filter flags: \1"/
s/'"seccomp filter flags: \([0-9]*\)"'/'seccomp filter flags: \1'/
# The call that the runtime itself needs under the filter, and that cannot be notified of: not write(2).
/^@test "runc run \[seccomp\] (SCMP_ACT_NOTIFY write)"/,/^}/ {
s/"write"/"sendmsg"/
s/the write syscall/sendmsg/
}
# runc sets the scheduler when the CPUs are restricted already, which the kernel refuses; brun before, and the container has both.
/^@test "scheduler vs cpus"/,/^}/ {
s/"\$status" -eq 1/"$status" -eq 0/
s/\[\[ "\$output" == .*/[[ "$(chrt -p "$(__runc state test_scheduler | jq .pid)")" == *SCHED_DEADLINE* ]]/
}
# runc copies itself, and says so. No brun is inside a container: its process is the stage, out of a memfd.
/^@test "runc run \[\/proc\/self\/exe clone\]"/,/^}/ {
s/runc --debug run test_hello/runc create --console-socket "$CONSOLE_SOCKET" test_hello/
s/\[\[ .*Hello World.*/exe=$(readlink "\/proc\/$(__runc state test_hello | jq .pid)\/exe")/
s/\[\[ .*exeseal.*/[[ "$exe" == \/memfd:* ]]/
}
# An access that the specification does not know, and that brun refuses.
s/"access": "rwa"/"access": "rwm"/
# A name in letters that only Go takes for the right ones.
s/hugepageLimits += \[{ pagesize:/hugepageLimits += [{ pageSize:/
# What most runtimes take in silence, and what engines' configs have by default, is for brun's --debug alone.
/^@test "runc run \[ambient caps not set/,/^}/ s/runc run test_amb/runc --debug run test_amb/
