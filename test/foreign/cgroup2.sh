#!/usr/bin/env bash
# Runs a command where /sys/fs/cgroup is cgroup v2 alone, as on a newer machine, with a cgroup of its own for its
# root. Below it is the cgroup that the suite's rootless.sh makes for its user.
#   usage: cgroup2.sh USER COMMAND [ARG]...
set -euo pipefail
if [ "${1:-}" != --inside ]; then
  unified=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
  own=$unified/brun-foreign-$$
  mkdir "$own"
  (echo "$BASHPID" >"$own/cgroup.procs" && exec unshare --mount --cgroup "$0" --inside "$@") && status=0 || status=$?
  for _ in 1 2 3 4 5; do
    find "$own" -depth -type d -exec rmdir {} + 2>/dev/null && break
    sleep 0.2
  done
  exit "$status"
fi
user=$2
shift 2
mount=/sys/fs/cgroup
umount -R "$mount"
mount -t cgroup2 none "$mount"
test=$mount/runc-cgroups-integration-test
mkdir "$mount/main" "$test"
# No process may be where controllers are handed on.
echo "$$" >"$mount/main/cgroup.procs"
for controller in $(<"$mount/cgroup.controllers"); do echo "+$controller" >"$mount/cgroup.subtree_control"; done
chown "$user" "$test" "$test/cgroup.subtree_control" "$test/cgroup.procs" "$mount/cgroup.procs" "$mount/main/cgroup.procs"
exec "$@"
