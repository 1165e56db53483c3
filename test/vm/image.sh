#!/bin/sh
# Builds the disk of the test machine, unless it is there already, and prints the directory that it is in.
#   usage: image.sh
#
# A Debian system that boots under QEMU with systemd as PID 1, pure cgroup v2, and a `systemd --user` manager for
# the unprivileged user "dev" (uid 1000):
#
#   rootfs.ext4   the root file system (run.sh never writes to it)
#   vmlinuz       Debian's cloud kernel
#   initrd        an initramfs of busybox and the virtio modules
#   build.log     what mmdebstrap said
#
# The directory is named after the kernel and a hash of the recipe (this file, those that it calls, the variables below). The
# apt sources are those of this machine.
#
# Environment:
#   VM_CACHE     where everything is kept (default ${XDG_CACHE_HOME:-$HOME/.cache}/brun-test-vm)
#   VM_SUITE     Debian release (default: this machine's, which is what its apt sources serve)
#   VM_PACKAGES  more packages to install, separated by spaces
#   VM_KERNEL    kernel package (default linux-image-cloud-amd64, which is 6.1 in Debian 12; its other one is
#                linux-image-6.12-cloud-amd64)
#
# Runs as root, or as a user with a subuid range (mmdebstrap's unshare mode).
set -eu
PATH=$PATH:/usr/sbin:/sbin
here=$(dirname "$(readlink -f "$0")")

packages="systemd systemd-sysv dbus dbus-user-session libpam-systemd uidmap runc crun busybox-static procps
  iproute2 libseccomp2 kmod tmux apparmor iptables
  libbsd0 libgnutls30 libnet1 libnftables1 libnl-3-200 libprotobuf-c1" # the last line: what criu needs, see kernel.sh

die() {
  echo "image.sh: $*" >&2
  exit 1
}

cache=${VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/brun-test-vm}
# shellcheck disable=SC1091 # the host's
suite=${VM_SUITE:-$(. /etc/os-release && echo "$VERSION_CODENAME")}
export VM_KERNEL="${VM_KERNEL:-linux-image-cloud-amd64}"
hash=$({
  cat "$here/image.sh" "$here/configure.sh" "$here/kernel.sh" "$here/guest/agent" "$here/guest/init"
  echo "$suite $VM_KERNEL ${VM_PACKAGES-}"
} | sha256sum | cut -c1-16)
image=$cache/image-$suite-$VM_KERNEL-$hash

if [ -f "$image/complete" ]; then
  echo "$image"
  exit
fi
for tool in mmdebstrap mke2fs apt-get dpkg-deb flock xz; do
  command -v "$tool" >/dev/null || die "$tool is not installed"
done
[ "$(dpkg --print-architecture)" = amd64 ] || die "this recipe is for amd64"
mkdir -p "$cache"
exec 8>"$cache/.lock"
flock 8
if [ -f "$image/complete" ]; then
  echo "$image"
  exit
fi

# This machine's apt sources: the files that speak of the suite.
sources=
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
  if [ -f "$file" ] && grep -Eq "^(deb .*|Suites:.*) $suite( |$)" "$file"; then sources="$sources $file"; fi
done
[ -n "$sources" ] || die "no apt source in /etc/apt serves $suite"

tmp=$cache/.build.$$
rm -rf "$tmp"
mkdir -p "$tmp/tmp" "$tmp/tree"
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
# mmdebstrap reads none of this machine's apt.conf: hand it proxies and the like.
apt-config dump | grep -E '^Acquire::(http|https|Check-Valid-Until|Check-Date|Retries|ForceIPv4)\b' \
  >"$tmp/apt.conf" || true
printf 'Acquire::Languages "none";\n' >>"$tmp/apt.conf"
# In unshare mode the hooks run as a subordinate user: let them write here.
[ "$(id -u)" = 0 ] || chmod 1777 "$tmp"

list=$(echo "$packages ${VM_PACKAGES-}" | xargs | tr ' ' ,)
start=$(date +%s)
# shellcheck disable=SC2086 # sources is a list
if ! TMPDIR=$tmp/tmp mmdebstrap --variant=essential --include="$list" --aptopt="$tmp/apt.conf" \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
  --customize-hook="sh '$here/configure.sh' \"\$1\"" \
  --customize-hook="sh '$here/kernel.sh' \"\$1\" '$tmp'" \
  --format=null "$suite" - $sources >"$tmp/build.log" 2>&1; then
  tail -n 40 "$tmp/build.log" >&2
  die "mmdebstrap failed"
fi
rm -rf "$tmp/tmp" "$tmp/tree" "$tmp/apt.conf"
chmod 755 "$tmp"
echo "built in $(($(date +%s) - start)) s" >"$tmp/complete"
# The disks of former recipes, for this kernel.
rm -rf "$cache/image-$suite-$VM_KERNEL"-*
mv "$tmp" "$image"
echo "image.sh: $(cat "$image/complete"), $(du -sh "$image/rootfs.ext4" | cut -f1) on disk" >&2
echo "$image"
