#!/bin/bash
# Inside the test machine, as root: how long `run` of /bin/true takes with a cgroup made by systemd, for each runtime.
#   usage: startup.sh ROUNDS
# Prints "PLACE RUNTIME MICROSECONDS" lines, in rounds in which every runtime has its turn.
set -eu
rounds=$1
work=$(mktemp -d /tmp/startup.XXXXXX)
chmod 755 "$work"

# measure PLACE STATE: as whoever calls.
measure() {
  local place=$1 state=$2 round runtime began ended
  for ((round = 0; round < rounds + 1; round++)); do
    for runtime in brun crun runc; do
      began=$EPOCHREALTIME
      "$runtime" --root "$state-$runtime" --systemd-cgroup run --bundle "$state" "startup-$runtime-$round" </dev/null
      ended=$EPOCHREALTIME
      # The first round warms the caches.
      [ "$round" = 0 ] || echo "$place $runtime $((${ended/./} - ${began/./}))"
    done
  done
}

# bundle DIRECTORY [FLAG]: of a static true, with limits.
bundle() {
  mkdir -p "$1/rootfs/bin"
  cp /bin/busybox "$1/rootfs/bin/true"
  (cd "$1" && brun spec ${2+"$2"})
  sed -i -e 's/"ociVersion": "[0-9.]*"/"ociVersion": "1.0.2"/' -e 's/"terminal": true/"terminal": false/' -e 's/"sh"/"\/bin\/true"/' \
    -e 's/"linux": {/"linux": {"resources": {"memory": {"limit": 67108864}, "pids": {"limit": 32}},/' \
    -e '/"resources": {$/,/^\t\t},/d' "$1/config.json"
}

cp /host/brun/brun /usr/local/bin/brun
export -f measure bundle
bundle "$work/root"
measure root "$work/root"
install -d -o dev "$work/user"
su -l dev -c "rounds=$rounds; $(declare -f measure bundle); bundle $work/user/b --rootless && measure user $work/user/b"
