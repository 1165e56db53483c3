#!/bin/sh
# Called by mmdebstrap for image.sh after configure.sh: kernel, modules, initramfs, criu and the disk.
#   usage: kernel.sh ROOT OUT
# Environment: MMDEBSTRAP_APT_CONFIG (mmdebstrap's), VM_KERNEL (a kernel package or a package that depends on one)
set -eu
root=$1 out=$2
here=$(dirname "$(readlink -f "$0")")
work=$root/tmp/brunvm
mkdir -p "$work/deb"

# The kernel package is unpacked and not installed: its dependencies would bring initramfs-tools and a slow,
# large initrd.
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
kernel=$(apt-cache depends --important "$VM_KERNEL" |
  sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
(cd "$work" && apt-get -q download "${kernel:-$VM_KERNEL}")
dpkg-deb -x "$work"/linux-image-*.deb "$work/deb"
version=$(basename "$work"/deb/lib/modules/*)
cat "$work/deb/boot/vmlinuz-$version" >"$out/vmlinuz"

# Modules: those that a container host may want, and no hardware drivers.
src=$work/deb/lib/modules/$version
dst=$root/lib/modules/$version
mkdir -p "$dst/kernel"
cp "$src"/modules.builtin* "$src/modules.order" "$dst/"
for dir in crypto lib net block fs/overlayfs fs/fuse fs/squashfs fs/nls fs/autofs \
  drivers/net drivers/block drivers/virtio drivers/char arch/x86/crypto; do
  [ -d "$src/kernel/$dir" ] || continue
  mkdir -p "$dst/kernel/$(dirname "$dir")"
  cp -a "$src/kernel/$dir" "$dst/kernel/$dir"
done
rm -rf "$dst/kernel/drivers/net/ethernet" "$dst/kernel/drivers/net/wireless"
# Newer packages have compressed modules. busybox, and a kernel without its own decompressor, take plain ones.
find "$dst" "$src/kernel/drivers/virtio" "$src/kernel/drivers/block" "$src/kernel/drivers/char" \
  -name '*.ko.xz' -exec xz -d {} +
chroot "$root" depmod "$version"

initrd=$work/initrd
mkdir -p "$initrd/bin" "$initrd/dev" "$initrd/root" "$initrd/modules"
cp "$root/bin/busybox" "$initrd/bin/busybox"
for module in virtio/virtio virtio/virtio_ring virtio/virtio_pci_modern_dev virtio/virtio_pci_legacy_dev \
  virtio/virtio_pci block/virtio_blk char/virtio_console; do
  # Some are built into some kernels.
  [ ! -e "$src/kernel/drivers/$module.ko" ] || cp "$src/kernel/drivers/$module.ko" "$initrd/modules/"
done
install -m 755 "$here/guest/init" "$initrd/init"
(cd "$initrd" && find . | "$root/bin/busybox" cpio -o -H newc) >"$out/initrd" 2>/dev/null

# criu is unpacked too: its package brings Python, for a tool that prints images.
(cd "$work" && apt-get -q download criu)
mkdir "$work/criu"
dpkg-deb -x "$work"/criu_*.deb "$work/criu"
cp -a "$work/criu/usr/sbin/criu" "$root/usr/sbin/criu"
chroot "$root" criu --version

rm -rf "$work" "$root"/var/cache/* "$root"/var/log/* "$root"/usr/share/doc/* "$root"/usr/share/man/* \
  "$root"/usr/share/info/* "$root"/usr/share/locale/* "$root"/var/lib/apt/lists/*
rm -f "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/* "$root"/etc/apt/apt.conf.d/99mmdebstrap
# A plain bind mount shows the tree without the /proc, /sys and /dev that mmdebstrap has mounted in it.
tree=$out/tree
mount --bind "$root" "$tree"
used=$(du -smx "$tree" | cut -f1)
truncate -s "$((used + 1024))M" "$out/rootfs.ext4"
# No journal: the disk is thrown away after each run.
mke2fs -q -F -t ext4 -b 4096 -m 0 -L brunvm -O '^has_journal,^metadata_csum,^64bit,^resize_inode' \
  -E 'lazy_itable_init=1,nodiscard' -d "$tree" "$out/rootfs.ext4"
umount "$tree"
