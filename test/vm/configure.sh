#!/bin/sh
# Called by mmdebstrap for image.sh when the packages are installed: users, services and the agent.
#   usage: configure.sh ROOT
set -eu
root=$1
here=$(dirname "$(readlink -f "$0")")

# --- users ------------------------------------------------------------------
chroot "$root" useradd --uid 1000 --user-group --create-home --shell /bin/bash dev
echo dev:100000:65536 >"$root/etc/subuid"
echo dev:100000:65536 >"$root/etc/subgid"
chroot "$root" passwd -d root >/dev/null
# Linger: the user manager (user@1000.service) runs from boot.
mkdir -p "$root/var/lib/systemd/linger"
: >"$root/var/lib/systemd/linger/dev"

# --- identity ---------------------------------------------------------------
echo brunvm >"$root/etc/hostname"
printf '127.0.0.1 localhost brunvm\n::1 localhost\n' >"$root/etc/hosts"
# A fixed machine id: systemd neither makes one nor runs its first boot.
echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
: >"$root/etc/fstab"
ln -sf ../usr/share/zoneinfo/UTC "$root/etc/localtime"

# --- what starts ------------------------------------------------------------
# Nothing that waits for udev (there are no hot-plugged devices), keeps logs on disk, or tends a machine that
# lives for minutes.
for unit in \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
  fstrim.timer systemd-tmpfiles-clean.timer \
  systemd-udevd.service systemd-udevd-kernel.socket systemd-udevd-control.socket \
  systemd-udev-trigger.service systemd-udev-settle.service systemd-hwdb-update.service \
  systemd-journal-flush.service systemd-journal-catalog-update.service systemd-journald-audit.socket \
  systemd-timesyncd.service systemd-random-seed.service systemd-update-utmp.service \
  systemd-update-utmp-runlevel.service systemd-update-done.service systemd-firstboot.service \
  systemd-machine-id-commit.service systemd-modules-load.service systemd-sysusers.service \
  systemd-binfmt.service proc-sys-fs-binfmt_misc.automount systemd-pcrphase.service \
  systemd-pcrphase-sysinit.service systemd-pstore.service systemd-boot-system-token.service \
  systemd-ask-password-console.path systemd-ask-password-wall.path systemd-initctl.socket \
  systemd-remount-fs.service ldconfig.service modprobe@configfs.service modprobe@drm.service \
  modprobe@efi_pstore.service modprobe@fuse.service modprobe@loop.service modprobe@dm_mod.service \
  dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
  sys-kernel-config.mount sys-fs-fuse-connections.mount getty.target console-getty.service \
  serial-getty@ttyS0.service getty-static.service; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
mkdir -p "$root/etc/systemd/user"
for unit in systemd-tmpfiles-setup.service systemd-tmpfiles-clean.timer systemd-exit.timer; do
  ln -sf /dev/null "$root/etc/systemd/user/$unit"
done

# conf DIRECTORY LINE…: a drop-in for one of systemd's programs.
conf() {
  mkdir -p "$root/etc/systemd/$1"
  file=$root/etc/systemd/$1/brunvm.conf
  shift
  printf '%s\n' "$@" >"$file"
}
conf journald.conf.d '[Journal]' Storage=volatile RuntimeMaxUse=16M Audit=no
conf system.conf.d '[Manager]' ShowStatus=no DefaultTimeoutStopSec=5s
# All controllers for users: Debian's systemd delegates memory and pids alone.
conf system/user@.service.d '[Service]' 'Delegate=cpu cpuset io memory pids'
echo 'kernel.unprivileged_userns_clone = 1' >"$root/etc/sysctl.d/brunvm.conf"

# --- the agent --------------------------------------------------------------
mkdir -p "$root/usr/local/lib/brunvm" "$root/host" "$root/out"
install -m 755 "$here/guest/agent" "$root/usr/local/lib/brunvm/agent"
cat >"$root/etc/systemd/system/brunvm.service" <<'UNIT'
[Unit]
Description=job of the test machine
After=dbus.service systemd-logind.service
Wants=dbus.service systemd-logind.service
[Service]
ExecStart=/usr/local/lib/brunvm/agent
StandardInput=null
TasksMax=infinity
LimitNOFILE=1048576
UNIT
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -sf ../brunvm.service "$root/etc/systemd/system/multi-user.target.wants/brunvm.service"
ln -sf /lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
