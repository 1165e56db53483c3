#!/bin/sh
# A look around from inside a container: what is isolated, and how one sees it.
# Needs only a busybox; `npm run demo` runs it in a root filesystem made for it.

title() {
  if [ -n "$DEMO_COLOUR" ]; then printf '\n\033[1m%s\033[0m\n' "$1"; else printf '\n%s\n' "$1"; fi
  shift
  for line in "$@"; do printf '  %s\n' "$line"; done
}

# show COMMAND…: the command and its output, indented.
show() {
  if [ -n "$DEMO_COLOUR" ]; then printf '    \033[36m$ %s\033[0m\n' "$*"; else printf '    $ %s\n' "$*"; fi
  "$@" 2>&1 | sed 's/^/      /'
}

# Names of the capabilities in a hexadecimal mask.
capabilities() {
  mask=$((0x$1))
  for name in chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable \
    net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot \
    sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease \
    audit_write audit_control setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read \
    perfmon bpf checkpoint_restore; do
    [ $((mask & 1)) -eq 0 ] || printf '%s ' "$name"
    mask=$((mask >> 1))
  done
  [ "$mask" -eq 0 ] || printf 'and others'
}

title "Who am I" "Root here; outside, the user who started the container."
show id
title "User ids" "First id inside, first id outside, how many: the user's own and those it was given."
show cat /proc/self/uid_map
title "Processes" "The container's first process is number 1; no process of the host is to be seen."
show ps
title "Host name" "Its own: changing it changes nothing outside."
show hostname
title "Capabilities" "What this root may do, and only to what belongs to the container."
printf '    effective: %s\n' "$(capabilities "$(sed -n 's/^CapEff:\t*//p' /proc/self/status)")"
printf '    bounding:  %s\n' "$(capabilities "$(sed -n 's/^CapBnd:\t*//p' /proc/self/status)")"
title "Mounts" "The root directory is the bundle's; /proc and /dev are new, and parts of them masked."
show awk '$2 !~ "^/sys/fs/cgroup/." { printf "%-22s %-9s %s\n", $2, $3, substr($4, 1, 40) }' /proc/mounts
title "Devices" "A handful of harmless ones."
show ls -C /dev
title "Network" "The interfaces that the container has."
show ls -C /sys/class/net

# The number of each namespace; with OUTSIDE ("pid:[1] net:[2] …", as of a process outside) whether it is shared.
title "Namespaces" "What the container has for itself, and what it shares with the host."
for name in cgroup ipc mnt net pid time user uts; do
  number=$(readlink "/proc/self/ns/$name")
  case " $OUTSIDE " in
    "  ") printf '    %s\n' "$number" ;;
    *" $number "*) printf '    %-22s shared\n' "$number" ;;
    *) printf '    %-22s its own\n' "$number" ;;
  esac
done
