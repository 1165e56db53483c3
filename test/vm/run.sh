#!/bin/bash
# Runs a script in a fresh test machine: Debian with systemd, cgroup v2 and a `systemd --user` session, under
# QEMU's software emulation.
#
#   usage: run.sh [OPTION...] SCRIPT [ARG...]
#          run.sh [OPTION...] -c COMMAND [ARG...]
#
#   --user USER         run as root (default) or dev, who gets a login session through PAM: XDG_RUNTIME_DIR,
#                       DBUS_SESSION_BUS_ADDRESS, a working `systemctl --user`
#   --share DIR[:NAME]  copy DIR in, read-only, as /host/NAME (default: its last component); may be repeated
#   --env NAME=VALUE    set a variable for the script; may be repeated
#   --out DIR           bring what the script leaves in /out back, into DIR
#   --timeout SEC       kill the machine after so many seconds, exit 124 (default 300)
#   --boot              boot it; without, a snapshot taken after the first boot is resumed, which is much faster
#   --memory MIB        memory (default 2048)
#   --cpus N            virtual CPUs (default: those of the host, at most 2)
#   --append WORDS      more kernel command line (implies --boot)
#   --console FILE      keep the kernel's console output (implies --boot)
#   --time              report timings on stderr
#
# The script's stdout and stderr come back separately while it runs; its exit status is the exit status. Status
# 125 means that the machine failed. Each run starts from the same disk and leaves nothing behind.
#
# Environment: that of image.sh, which is called to make the disk, and
#   VM_QEMU      the emulator (default qemu-system-x86_64)
#   VM_SHARE_MB  size of the shared disk (default 2048; sparse)
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
PATH=$PATH:/usr/sbin:/sbin

die() {
  echo "run.sh: $*" >&2
  exit 125
}
usage() { sed -n '2,/^set -/p' "$0" | sed '$d;s/^# \{0,1\}//'; }
now_ms() {
  local t=${EPOCHREALTIME/[.,]/}
  echo "${t%???}"
}

user=root shares=() vars=() out='' limit=300 boot=0 memory=2048 cpus='' append='' console='' timing=0
command='' script=''
while [ $# -gt 0 ]; do
  case $1 in
    --user) user=$2 && shift 2 ;;
    --share) shares+=("$2") && shift 2 ;;
    --env) vars+=("$2") && shift 2 ;;
    --out) out=$2 && shift 2 ;;
    --timeout) limit=$2 && shift 2 ;;
    --boot) boot=1 && shift ;;
    --memory) memory=$2 && shift 2 ;;
    --cpus) cpus=$2 && shift 2 ;;
    --append) append=$2 boot=1 && shift 2 ;;
    --console) console=$2 boot=1 && shift 2 ;;
    --time) timing=1 && shift ;;
    -c) command=$2 && shift 2 && break ;;
    -h | --help) usage && exit ;;
    -*) die "unknown option: $1" ;;
    *) break ;;
  esac
done
if [ -z "$command" ]; then
  [ $# -gt 0 ] || { usage >&2 && exit 125; }
  script=$1
  shift
  [ -f "$script" ] || die "no such script: $script"
fi
if [ -z "$cpus" ]; then
  cpus=$(nproc)
  [ "$cpus" -le 2 ] || cpus=2
fi
qemu=${VM_QEMU:-qemu-system-x86_64}
share_mb=${VM_SHARE_MB:-2048}
for tool in "$qemu" mke2fs flock tar; do
  command -v "$tool" >/dev/null || die "$tool is not installed"
done
cache=${VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/brun-test-vm}
image=$(sh "$here/image.sh") || die "no disk to boot from"

mkdir -p "$cache/run"
run=$(mktemp -d "$cache/run/XXXXXXXX")
qemu_pid='' readers=()
# shellcheck disable=SC2317 # called by the trap
cleanup() {
  [ -z "$qemu_pid" ] || kill -KILL "$qemu_pid" 2>/dev/null || :
  [ ${#readers[@]} = 0 ] || kill "${readers[@]}" 2>/dev/null || :
  rm -rf "$run"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- the machine ------------------------------------------------------------
# A plain PC with qboot, QEMU's own minimal firmware. Not microvm: it has neither HPET nor ACPI timer, and its
# kernel hangs at boot where the host is too busy for it to calibrate the TSC against the PIT.
# la57=off saves a level of page tables, which software emulation walks; tsc=reliable keeps the TSC as the clock,
# read without leaving the guest.
machine=(
  -M "pc,usb=off,vmport=off" -accel "tcg,thread=multi" -cpu "max,la57=off" -smp "$cpus" -m "$memory"
  -nodefaults -no-user-config -display none -no-reboot -bios qboot.rom
  -kernel "$image/vmlinuz" -initrd "$image/initrd"
)
cmdline="console=ttyS0 panic=-1 reboot=t mitigations=off tsc=reliable cgroup_no_v1=all audit=0"
cmdline+=" systemd.unified_cgroup_hierarchy=1 systemd.show_status=no random.trust_cpu=on"
[ -n "$console" ] || cmdline+=" quiet"

port() { echo "-chardev $2,id=$1,path=$run/$1 -device virtserialport,bus=ports.0,name=$1,chardev=$1"; }

# launch ROOT-DISK SNAPSHOT=on|off SHARE-DISK CMDLINE [OPTION...]
# Starts QEMU in the background; sets qemu_pid. Ports are FIFOs in $run.
launch() {
  local disk=$1 volatile=$2 share=$3 line=$4
  shift 4
  # shellcheck disable=SC2046 # port prints words; no path here has a space
  TMPDIR=$run "$qemu" "${machine[@]}" -append "$line" -serial "file:${console:-/dev/null}" \
    -drive "if=none,id=root,format=raw,file=$disk,snapshot=$volatile,cache=unsafe" \
    -device virtio-blk-pci,drive=root \
    -drive "if=none,id=share,format=raw,file=$share,snapshot=on" -device virtio-blk-pci,drive=share \
    -device virtio-serial-pci,id=ports \
    $(port control pipe) $(port stdout file) $(port stderr file) $(port collect file) \
    "$@" </dev/null >"$run/qemu.log" 2>&1 5>&- 6>&- 8>&- &
  qemu_pid=$!
}

mkfifo "$run/control.in" "$run/control.out"
exec 5<>"$run/control.in" 6<>"$run/control.out"

# wait_word SECONDS: the next line from the guest, into $word and $value. 1: too late; 2: QEMU has ended.
wait_word() {
  local end=$((SECONDS + $1))
  while :; do
    if read -r -t 1 word value <&6; then return 0; fi
    kill -0 "$qemu_pid" 2>/dev/null || return 2
    [ "$SECONDS" -lt "$end" ] || return 1
  done
}

# --- the snapshot -------------------------------------------------------------
# The guest boots once, brings up dev's user manager and parks; its memory and devices go to a file by QEMU's
# migration. A snapshot fits one disk, one QEMU, one kind of CPU (for its clock): see the key.
take_snapshot() {
  mkdir -p "$snapshot"
  cp --sparse=always --reflink=auto "$image/rootfs.ext4" "$snapshot/disk"
  truncate -s "${share_mb}M" "$run/share"
  mkfifo "$run/monitor.in" "$run/monitor.out"
  exec 7<>"$run/monitor.in"
  cat "$run/monitor.out" >/dev/null &
  readers=($!)
  VM_STATE=$snapshot/state.new launch "$snapshot/disk" off "$run/share" "$cmdline brunvm.park" \
    -chardev "pipe,id=monitor,path=$run/monitor" -mon chardev=monitor,mode=readline
  wait_word 180 || word=nothing
  [ "$word" = parked ] || die "the guest did not park: $(tail -n 3 "$run/qemu.log")"
  # shellcheck disable=SC2016 # expanded by the shell that QEMU starts
  printf '%s\n' 'migrate_set_parameter max-bandwidth 1000G' 'migrate "exec:cat > $VM_STATE"' quit >&7
  wait "$qemu_pid" || die "no snapshot: $(tail -n 3 "$run/qemu.log")"
  qemu_pid=''
  kill "${readers[@]}" 2>/dev/null || :
  readers=()
  exec 7>&-
  [ -s "$snapshot/state.new" ] || die "the snapshot is empty"
  mv "$snapshot/state.new" "$snapshot/state"
}

snapshot=''
if [ "$boot" = 0 ]; then
  key=$({
    "$qemu" --version
    printf '%s\n' "${machine[@]}" "$cmdline" "$share_mb" "$(grep -m 1 'model name' /proc/cpuinfo)"
  } | sha256sum | cut -c1-16)
  snapshot=$image/snapshot-$key
  exec 8>"$image/.lock"
  flock 8
  [ -f "$snapshot/state" ] || take_snapshot
  exec 8>&-
fi

# --- the job: a disk with the script and the shared folders --------------------
stage=$run/stage
mkdir -p "$stage/job"
collect=0
[ -z "$out" ] || collect=1
printf 'JOB_USER=%q\nJOB_COLLECT=%d\n' "$user" "$collect" >"$stage/job/config"
{
  for var in "${vars[@]}"; do
    printf 'export %s=%q\n' "${var%%=*}" "${var#*=}"
  done
  if [ -n "$command" ]; then
    printf 'exec bash -c %q bash' "$command"
  else
    install -m 755 "$script" "$stage/job/script"
    printf 'exec /host/job/script'
  fi
  [ $# -eq 0 ] || printf ' %q' "$@"
  echo
} >"$stage/job/main"
for share in "${shares[@]}"; do
  dir=${share%%:*}
  [ -d "$dir" ] || die "no such folder: $dir"
  name=$(basename "$(realpath "$dir")")
  [ "$share" = "$dir" ] || name=${share#*:}
  mkdir -p "$stage/$name"
  cp -a --reflink=auto "$dir/." "$stage/$name/"
done
chmod -R a+rX "$stage"
size=$(du -sm "$stage" | cut -f1)
[ $((size * 11 / 10 + 32)) -le "$share_mb" ] || die "the shared folders hold $size MiB: set VM_SHARE_MB"
rm -f "$run/share"
truncate -s "${share_mb}M" "$run/share"
mke2fs -q -F -t ext4 -m 0 -O '^has_journal,^resize_inode,^metadata_csum' \
  -E lazy_itable_init=1,nodiscard -d "$stage" "$run/share"
rm -rf "$stage"

# --- run --------------------------------------------------------------------
rm -f "$run/stdout" "$run/stderr" "$run/collect"
mkfifo "$run/stdout" "$run/stderr" "$run/collect"
cat "$run/stdout" &
readers+=($!)
cat "$run/stderr" >&2 &
readers+=($!)
if [ "$collect" = 1 ]; then
  mkdir -p "$out"
  tar --no-same-owner -xf - -C "$out" <"$run/collect" 2>"$run/tar.log" &
else
  cat "$run/collect" >/dev/null &
fi
readers+=($!)

began=$(now_ms) ready=$began
if [ -n "$snapshot" ]; then
  # shellcheck disable=SC2016 # expanded by the shell that QEMU starts
  VM_STATE=$snapshot/state launch "$snapshot/disk" on "$run/share" "$cmdline brunvm.park" \
    -incoming 'exec:cat "$VM_STATE"'
  echo resume >&5
else
  launch "$image/rootfs.ext4" on "$run/share" "$cmdline $append"
fi

status=''
while [ -z "$status" ]; do
  left=$((limit - ($(now_ms) - began) / 1000))
  result=0
  wait_word "$left" || result=$?
  case $result in
    0) case $word in
      # A resumed guest waits for a word, asks for the time, and waits for that.
      time) echo "$EPOCHREALTIME" >&5 ;;
      start) ready=$(now_ms) ;;
      exit) status=$value ;;
    esac ;;
    1) echo "run.sh: killed after $limit s" >&2 && status=124 ;;
    *) echo "run.sh: QEMU ended early: $(tail -n 3 "$run/qemu.log")" >&2 && status=125 ;;
  esac
done
ended=$(now_ms)
kill -KILL "$qemu_pid" 2>/dev/null || :
wait "$qemu_pid" 2>/dev/null || :
qemu_pid=''
# Where QEMU did not get as far as opening a FIFO, its reader still waits.
for fifo in stdout stderr collect; do : <>"$run/$fifo"; done
wait "${readers[@]}" 2>/dev/null || :
readers=()
if [ "$timing" = 1 ]; then
  echo "run.sh: QEMU start to script $((ready - began)) ms, script $((ended - ready)) ms, status $status" >&2
fi
exit "$status"
