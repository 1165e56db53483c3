#!/bin/bash
# The two commands on a machine that has just been installed: Debian 12 or 13 with node, npm and git, in a container of its
# own, from a clean clone of the last commit.
#   usage: main.sh 12|13 user|root [demo | test [ARGUMENT…]]      without a third word both
# Needs root, mmdebstrap and Debian's mirror. The installed system is kept in .cache/fresh for a week.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() {
  echo "fresh: $*" >&2
  exit 1
}
case "${1-} ${2-} ${3-}" in
  "12 user " | "12 root " | "13 user " | "13 root ") ;;
  "12 user demo" | "12 user test" | "12 root demo" | "12 root test") ;;
  "13 user demo" | "13 user test" | "13 root demo" | "13 root test") ;;
  *)
    echo "usage: test:fresh -- 12|13 user|root [demo | test [ARGUMENT…]]" >&2
    exit 2
    ;;
esac
[ "$(id -u)" = 0 ] || fail "it makes a container that has all rights: start it as root"
command -v mmdebstrap >/dev/null || fail "mmdebstrap is not installed: apt-get install mmdebstrap"
if [ "$1" = 12 ]; then suite=bookworm; else suite=trixie; fi

system=.cache/fresh/$suite.tar
if [ -z "$(find .cache/fresh -name "$suite.tar" -mtime -7 2>/dev/null)" ]; then
  mkdir -p .cache/fresh
  mmdebstrap --quiet --format=tar --variant=minbase --include=nodejs,npm,git,ca-certificates \
    --aptopt='Acquire::Languages "none"' "$suite" "$system.new" http://deb.debian.org/debian
  mv "$system.new" "$system"
fi
work=$(mktemp -d /var/tmp/brun-fresh-XXXXXX)
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM
tar -xf "$system" -C "$work"
git clone -q --bare . "$work/mnt/clone"
cp test/fresh/inside.sh "$work/mnt/inside.sh"
# What systemd-tmpfiles makes when a machine starts.
[ -e "$work/etc/mtab" ] || ln -s ../proc/self/mounts "$work/etc/mtab"
# How this machine reaches the mirror and npm's registry: names, certificates, proxies.
certificates=/etc/ssl/certs/ca-certificates.crt
for file in /etc/resolv.conf /etc/hosts $certificates; do
  [ ! -e $file ] || cp --remove-destination -L $file "$work$file"
done
environment=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
  "NODE_EXTRA_CA_CERTS=$certificates")
for name in http_proxy https_proxy no_proxy; do
  [ -z "${!name-}" ] || environment+=("$name=${!name}")
done

# A chroot would not do: the kernel lets no user namespace be made in one.
# shellcheck disable=SC2016 # the variables are those of the inner shell
container='set -eu
root=$1
shift
mount --bind "$root" "$root"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t proc proc "$root/proc"
mkdir "$root/mnt/old"
cd "$root"
pivot_root . mnt/old
umount -l mnt/old
exec "$@"'
shift
unshare --mount --pid --fork --kill-child --ipc --uts sh -c "$container" sh "$work" \
  env -i "${environment[@]}" bash /mnt/inside.sh "$@" </dev/null
echo "fresh: $suite as $1: all is well" >&2
