#!/bin/bash
# Runs a command, as root, where it can do no harm to the machine and leaves nothing on it: with mount, process,
# network and cgroup namespaces of its own. When it ends so do all processes that it started, and its mounts, network
# devices and cgroups go.
#   usage: isolate.sh unified|legacy USER COMMAND...
# unified: it sees cgroup v2 alone, of which /user belongs to USER. legacy: the v1 hierarchies alone, as they are
# mounted here (crun refuses to work where there are both); the same as unified on a machine without any.
set -eu
view=$1 user=$2
shift 2
name=brun-clients-$$
top=/sys/fs/cgroup
hierarchies=$(awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/self/mounts)

# enter DIRECTORY: this process goes there. A cpuset is empty until it is told what it has.
enter() {
  for file in cpuset.cpus cpuset.mems; do
    [ ! -e "$1/$file" ] || [ -s "$1/$file" ] || cat "$(dirname "$1")/$file" >"$1/$file"
  done
  echo "$BASHPID" >"$1/cgroup.procs"
}

remove() {
  for hierarchy in $hierarchies; do
    for _ in $(seq 50); do
      [ -d "$hierarchy/$name" ] || break
      find "$hierarchy/$name" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
    done
    [ ! -d "$hierarchy/$name" ] || echo "isolate: $hierarchy/$name stays" >&2
  done
}
trap remove EXIT

for hierarchy in $hierarchies; do
  mkdir "$hierarchy/$name"
done
# Containers that share the host's ipc namespace are given its /dev/mqueue.
if [ ! -d /dev/mqueue ]; then
  mkdir /dev/mqueue
  trap 'remove; rmdir /dev/mqueue' EXIT
fi
status=0
(
  trap - EXIT
  for hierarchy in $hierarchies; do enter "$hierarchy/$name"; done
  export view user top name hierarchies
  export -f enter
  exec unshare --cgroup --mount --propagation private bash -eu -c '
    types=$(awk "\$3 == \"cgroup\" { sub(/.*\//, \"\", \$2); print \$2, \$4 }" /proc/self/mounts)
    umount -R "$top"
    if [ "$view" = unified ] || [ -z "$types" ]; then
      mount -t cgroup2 cgroup2 "$top"
      mkdir "$top/init" "$top/user"
      enter "$top/init"
      # What the machine grants goes down to every container.
      for controller in $(cat "$top/cgroup.controllers"); do
        for directory in "$top" "$top/user"; do
          echo "+$controller" >"$directory/cgroup.subtree_control" || true
        done
      done
      mkdir "$top/user/init"
      chown -R "$user:" "$top/user"
    else
      mount -t tmpfs -o mode=755 tmpfs "$top"
      while read -r directory options; do
        mkdir "$top/$directory"
        mount -t cgroup -o "$(tr , "\n" <<<"$options" | grep -vxE "rw|ro|nosuid|nodev|noexec|relatime" | paste -sd, | sed "s/^name=/none,name=/")" cgroup "$top/$directory"
      done <<<"$types"
      for directory in "$top"/*/; do
        mkdir "${directory}init"
        enter "${directory}init"
      done
    fi
    for directory in /run /dev/shm; do mount -t tmpfs -o mode=1777 tmpfs "$directory"; done
    chmod 755 /run
    mkdir -p -m 1777 /run/lock
    for directory in /var/lib/containers /var/lib/cni /etc/cni; do
      [ ! -d "$directory" ] || mount -t tmpfs -o mode=755 tmpfs "$directory"
    done
    mountpoint -q /dev/mqueue || mount -t mqueue mqueue /dev/mqueue
    exec unshare --pid --net --fork --kill-child --mount-proc bash -c "
      # podman and docker ask for a root that is shared; it goes no further than this namespace.
      mount --make-rshared /
      ip link set lo up
      trap : TERM INT
      \"\$@\" &
      wait \$!
    " bash "$@"
  ' bash "$@"
) || status=$?
exit "$status"
