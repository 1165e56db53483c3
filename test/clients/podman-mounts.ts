/** podman: volumes, tmpfs, bind mounts with their options. */
import type { Check } from "./check.ts";

export const podmanMounts: readonly Check[] = [
  {
    name: "--tmpfs",
    script: `
    out=$(podman run --rm --tmpfs /mnt/t:size=1m,mode=1700,noexec $IMAGE sh -c 'grep /mnt/t /proc/mounts; stat -c %a /mnt/t')
    has "$out" "size=1024k"
    has "$out" noexec
    has "$out" 1700`,
  },
  {
    name: "--tmpfs: the image's files are copied up",
    script: `
    podman run --rm --tmpfs /etc $IMAGE grep alice /etc/passwd`,
  },
  {
    name: "-v: read, write, ro",
    script: `
    echo text >$D/file
    is "$(podman run --rm -v $D:/mnt $IMAGE cat /mnt/file)" text
    podman run --rm -v $D:/mnt $IMAGE sh -c 'echo new >/mnt/file'
    is "$(cat $D/file)" new
    podman run --rm -v $D:/mnt:ro $IMAGE touch /mnt/x && fail "written"
    is "$(podman run --rm -v $D/file:/etc/one/two $IMAGE cat /etc/one/two)" new`,
  },
  {
    name: "-v: nosuid, nodev, noexec, exec, suid, dev",
    script: `
    has "$(podman run --rm -v $D:/mnt:nosuid,nodev,noexec $IMAGE grep ' /mnt ' /proc/mounts)" "nosuid,nodev,noexec"
    podman run --rm -v $D:/mnt:exec,suid,dev $IMAGE true`,
  },
  {
    name: "-v: rshared, rslave, rprivate, bind, rbind",
    script: `
    for mode in rshared rslave rprivate shared slave private; do
      podman run --rm -v $D:/mnt:$mode $IMAGE grep ' /mnt ' /proc/self/mountinfo
    done
    podman run --rm -v $D:/mnt:bind $IMAGE true
    podman run --rm -v $D:/mnt:rbind,ro $IMAGE true`,
  },
  {
    name: "-v: U, z, Z",
    script: `
    touch $D/file
    is "$(podman run --rm --user 1000 -v $D:/mnt:U $IMAGE stat -c %u /mnt/file)" 1000
    podman run --rm -v $D:/mnt:z $IMAGE true
    podman run --rm -v $D:/mnt:Z $IMAGE true
    podman run --rm --user 0 -v $D:/mnt:U $IMAGE stat -c %u /mnt/file`,
  },
  {
    name: "-v: O (overlay)",
    script: `
    echo text >$D/file
    is "$(podman run --rm -v $D:/mnt:O $IMAGE sh -c 'echo new >/mnt/file; cat /mnt/file')" new
    is "$(cat $D/file)" text`,
  },
  {
    name: "-v: idmap",
    as: "root",
    script: `
    touch $D/file
    is "$(podman run --rm --uidmap 0:100000:5000 --gidmap 0:100000:5000 -v $D:/mnt:idmap $IMAGE stat -c %u /mnt/file)" 0`,
  },
  {
    name: "-v: a named volume, copied up",
    script: `
    podman volume create $N
    podman run --rm -v $N:/etc $IMAGE grep alice /etc/passwd
    podman run --rm -v $N:/mnt $IMAGE grep alice /mnt/passwd
    podman volume rm $N`,
  },
  {
    name: "--volumes-from",
    script: `
    podman run -d --name $N -v /data $IMAGE sh -c 'echo text >/data/file; exec sleep 1000'
    eventually podman run --rm --volumes-from $N $IMAGE cat /data/file`,
  },
  {
    name: "--mount type=bind, tmpfs, volume, devpts",
    script: `
    echo text >$D/file
    is "$(podman run --rm --mount type=bind,source=$D,target=/mnt,readonly $IMAGE cat /mnt/file)" text
    has "$(podman run --rm --mount type=tmpfs,destination=/mnt,tmpfs-size=1m $IMAGE grep /mnt /proc/mounts)" 1024k
    podman run --rm --mount type=devpts,destination=/mnt $IMAGE ls /mnt/ptmx`,
  },
  {
    name: "--mount type=image",
    script: `
    podman run --rm --mount type=image,source=$IMAGE,destination=/mnt $IMAGE grep alice /mnt/etc/passwd`,
  },
  {
    name: "--rootfs",
    script: `
    mkdir $D/root && tar -C $D/root -xf $W/image.tar
    is "$(podman run --rm --rootfs $D/root cat /etc/hostname >/dev/null; echo $?)" 0
    is "$(podman run --rm --rootfs $D/root:O sh -c 'echo x >/new; cat /new')" x
    [ ! -e $D/root/new ]`,
  },
  {
    name: "--secret, --dns, --add-host",
    script: `
    echo hush >$D/secret
    podman secret create $N $D/secret
    is "$(podman run --rm --secret $N $IMAGE cat /run/secrets/$N)" hush
    podman secret rm $N
    has "$(podman run --rm --network none --add-host name:1.2.3.4 $IMAGE cat /etc/hosts)" "1.2.3.4*name"`,
  },
  {
    name: "symlinks in the image do not lead out of it",
    script: `
    mkdir -p $D/root $D/outside && tar -C $D/root -xf $W/image.tar && ln -s $D/outside $D/root/link
    podman run --rm --rootfs $D/root -v $D/secret:/link/x $IMAGE true 2>/dev/null || true
    is "$(ls $D/outside)" ""`,
  },
];
