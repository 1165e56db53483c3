/**
 * Places where people run brun, as data: how a command gets there, and what it finds. places.test.ts runs it, and
 * docs/places.md shows it. Only what Debian's packages can make on one machine is here; the virtual machine and
 * `npm run test:clients` have the others.
 */

import type { SyscallName } from "../../src/sys/syscalls.ts";
import { brunPath } from "../support/workspace.ts";

/** What is expected in a place: see inside.sh. */
export interface Expected {
  readonly name: string;
  /** What a reader may know it from. */
  readonly where: string;
  /** What works, or what helps, in words, for the page. */
  readonly works: string;
  /** Part of the one warning of the first run; no warning unless given. */
  readonly says?: string;
  /** Part of the one line by which everything is refused. */
  readonly refuses?: string;
  /** Host names cannot be set. */
  readonly hostname?: "refused";
}

export interface Place extends Expected {
  /** Who calls brun there. */
  readonly caller: "user" | "root";
  /** A script of root's that makes the place in a mount namespace of its own and ends with: exec "$@". */
  readonly make?: string;
  /** A program and its arguments by which the caller runs brun. */
  readonly around?: readonly string[];
  /** Calls that a seccomp filter refuses with EPERM. */
  readonly filtered?: readonly SyscallName[];
  /** Bun does not start there without the front. */
  readonly byFront?: true;
  /** Programs that it needs. */
  readonly needs?: readonly string[];
}

/** The variables by which inside.sh is told. */
export function placeVariables({ says = "", refuses = "", hostname }: Expected): string[] {
  return [`PLACE_SAYS=${says}`, `PLACE_REFUSES=${refuses}`, `PLACE_HOSTNAME=${hostname ?? ""}`];
}

const MASKED = `mount -t tmpfs -o ro none /proc/acpi 2>/dev/null || mount --bind /dev/null /proc/version
mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec "$@"`;
const READ_ONLY_CGROUPS = `for each in /sys/fs/cgroup/* /sys/fs/cgroup; do
  mount -o remount,bind,ro "$each" 2>/dev/null || :
done
exec "$@"`;
const NO_CGROUPS = "umount -R /sys/fs/cgroup";
const HYBRID_CGROUPS = `${NO_CGROUPS} && mount -t tmpfs none /sys/fs/cgroup || exit 1
mkdir /sys/fs/cgroup/systemd /sys/fs/cgroup/unified
mount -t cgroup -o none,name=systemd none /sys/fs/cgroup/systemd || exit 1
mount -t cgroup2 none /sys/fs/cgroup/unified || exit 1
exec "$@"`;
const UNIFIED_CGROUPS = `${NO_CGROUPS} && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"`;
/** Enters DIR with all that is at the top of the host in it: by a copy that is a mount point, or in one. */
const chroot = (directory: string) => `mount -t tmpfs none /mnt && mkdir -p ${directory} || exit 1
for each in /*; do
  case $each in
    /mnt) ;;
    *) if [ -L "$each" ]; then cp -d "$each" ${directory}; elif [ -d "$each" ]; then
      mkdir ${directory}"$each" && mount --rbind "$each" ${directory}"$each"; fi ;;
  esac
done
exec chroot ${directory} "$@"`;
/** With a root directory that has no /tmp, or the one that `made` makes; the workspace of the tests is in another place. */
const withoutTmp = (made: string) => `work=\${PWD%/*} moved=/workspace
mount -t tmpfs none /mnt || exit 1
for each in /*; do
  case $each in
    /mnt | /tmp) ;;
    *) if [ -L "$each" ]; then cp -d "$each" /mnt; elif [ -d "$each" ]; then
      mkdir /mnt"$each" && mount --rbind "$each" /mnt"$each"; fi ;;
  esac
done
mkdir /mnt/$moved /mnt/old && mount --bind "$work" /mnt/$moved && ${made} || exit 1
cd /mnt && pivot_root . old && umount -l old && rmdir old && mount -o remount,ro / || exit 1
for each in "$@"; do
  shift
  case $each in "$work"/*) each=$moved\${each#"$work"} ;; esac
  # The state directory is the default one.
  [ "$each" = --root ] || [ "\${last-}" = --root ] || set -- "$@" "$each"
  last=$each
done
unset XDG_RUNTIME_DIR
exec "$@"`;
export const OUTER_PROC = "bind the outer /proc";
const ONE_ID = "map one id";
export const NO_DEVICE_RULES = "linux.resources.devices: not kept";
export const NO_LIMITS = "everything but limits, and rules for devices";

export const PLACES: readonly Place[] = [
  {
    name: "a login of an ordinary user",
    where: "laptop, server, CI shell runner",
    caller: "user",
    works: "everything",
  },
  { name: "root", where: "server, CI job as root", caller: "root", works: "everything" },
  {
    name: "no newuidmap",
    where: "minimal images",
    caller: "user",
    make: 'mount --bind /dev/null /usr/bin/newuidmap && exec "$@"',
    works: "with the caller's id alone",
    says: ONE_ID,
  },
  {
    name: "no_new_privs",
    where: "services with NoNewPrivileges=yes, containers with no-new-privileges",
    caller: "user",
    around: ["setpriv", "--no-new-privs"],
    works: "with the caller's id alone",
    says: ONE_ID,
  },
  {
    name: "programs without setuid",
    where: "/usr mounted nosuid",
    caller: "user",
    make: 'mount --bind /usr /usr && mount -o remount,bind,nosuid /usr && exec "$@"',
    works: "with the caller's id alone",
    says: ONE_ID,
  },
  {
    name: "inside bubblewrap",
    where: "flatpak-like sandboxes that leave /proc as it is",
    caller: "user",
    around: ["bwrap", "--dev-bind", "/", "/", "--unshare-user"],
    needs: ["bwrap"],
    works: "with the caller's id alone",
    says: ONE_ID,
  },
  {
    name: "inside bubblewrap, all new",
    where: "sandboxes with a /dev, /proc and namespaces of their own, and no /sys",
    caller: "user",
    around: [
      ..."bwrap --ro-bind / / --tmpfs /sys --dev /dev --proc /proc --bind /tmp /tmp --unshare-all".split(" "),
    ],
    needs: ["bwrap"],
    works: "with the caller's id alone",
    says: ONE_ID,
  },
  {
    name: "unshare -Ur",
    where: "build tools that make themselves root",
    caller: "user",
    around: ["unshare", "--user", "--map-root-user"],
    works: "everything with one id",
  },
  {
    name: "a masked /proc",
    where: "podman's containers as they come, docker's without its filter",
    caller: "user",
    make: MASKED,
    works: "with the outer /proc and pid namespace; --proc=mount refuses instead",
    says: OUTER_PROC,
  },
  {
    name: "brun run --host",
    where: "a shell in a sandbox",
    caller: "user",
    around: [brunPath(), "run", "--host", "--"],
    works: "nothing, and no other runtime does: its filter refuses namespaces; see the next one",
    refuses: "start the outer brun with --allow-nesting",
  },
  {
    name: "brun run --host --allow-nesting",
    where: "[containers inside](sandbox.md#containers-inside)",
    caller: "user",
    around: [brunPath(), "run", "--host", "--allow-nesting", "--"],
    works: "with the caller's id alone",
    says: ONE_ID,
  },
  {
    name: "brun run --host --allow-nesting, as root",
    where: "the same",
    caller: "root",
    around: [brunPath(), "run", "--host", "--allow-nesting", "--"],
    works: "in a user namespace with root's ids, with the outer /proc and pid namespace",
    says: OUTER_PROC,
  },
  {
    name: "root with few capabilities",
    where: "podman's containers as they come",
    caller: "root",
    around: ["setpriv", "--bounding-set=-sys_admin,-net_admin", "--inh-caps=-all"],
    works: "everything, in a user namespace with root's ids",
  },
  {
    name: "root, read-only cgroups",
    where: "nspawn, containers",
    caller: "root",
    make: READ_ONLY_CGROUPS,
    works: NO_LIMITS,
    says: NO_DEVICE_RULES,
  },
  {
    name: "root, no cgroups",
    where: "chroots, early boot",
    caller: "root",
    make: 'umount -R /sys/fs/cgroup && exec "$@"',
    works: NO_LIMITS,
    says: NO_DEVICE_RULES,
  },
  {
    name: "root, cgroups without controllers",
    where: "hybrid cgroups with those of systemd and v2 alone",
    caller: "root",
    make: HYBRID_CGROUPS,
    works: NO_LIMITS,
    says: NO_DEVICE_RULES,
  },
  {
    name: "root, cgroup v2, a filter that refuses bpf and keyctl",
    where: "nspawn with --capability=all on a host with cgroup v2",
    caller: "root",
    make: UNIFIED_CGROUPS,
    filtered: ["bpf", "keyctl"],
    works: "everything but rules for devices",
    says: NO_DEVICE_RULES,
  },
  {
    name: "root without capabilities",
    where: "containers of root with all capabilities dropped",
    caller: "root",
    around: ["setpriv", "--bounding-set=-all", "--inh-caps=-all"],
    works: "nothing: run as another user, or with CAP_SETFCAP",
    refuses: "start brun as another user than root, or with CAP_SETFCAP",
  },
  {
    name: "root in a chroot",
    where: "installers, build tools; DIR is a mount point",
    caller: "root",
    make: chroot("/mnt"),
    works: "everything",
  },
  {
    name: "root in a chroot of a directory",
    where: "the same; DIR is no mount point",
    caller: "root",
    make: chroot("/mnt/root"),
    works: "nothing: mount --bind DIR DIR before",
    refuses: "mount --bind DIR DIR",
  },
  {
    name: "a user in a chroot",
    where: "chroot --userspec",
    caller: "user",
    make: chroot("/mnt/root"),
    works:
      "nothing, and no other runtime does: the kernel allows no user namespace there; bwrap or systemd-nspawn do",
    refuses: "bwrap --bind DIR / or systemd-nspawn -D DIR",
  },
  {
    name: "no /proc",
    where: "chroots, early boot, an image as it is",
    caller: "user",
    make: 'mount -t tmpfs none /proc && exec "$@"',
    byFront: true,
    works: "one line: mount it",
    refuses: "mount -t proc proc /proc",
  },
  {
    name: "no /tmp",
    where: "minimal images, read-only roots; without XDG_RUNTIME_DIR",
    caller: "user",
    make: withoutTmp(":"),
    works: "everything, with state in /dev/shm",
  },
  {
    name: "a /tmp that cannot be written to",
    where: "the same",
    caller: "user",
    make: withoutTmp("mkdir -m 755 /mnt/tmp"),
    works: "everything, with state in /dev/shm",
  },
  {
    name: "a read-only /sys",
    where: "containers, services with ProtectKernelTunables=yes",
    caller: "user",
    make: 'mount -o remount,bind,ro /sys && exec "$@"',
    works: "everything",
  },
  {
    name: "no further user namespaces",
    where: "user.max_user_namespaces=0, without capabilities",
    caller: "user",
    around: [
      "unshare",
      "--user",
      "--map-root-user",
      "sh",
      "-c",
      'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --inh-caps=-all --bounding-set=-all "$@"',
      "sh",
    ],
    works: "one line: the limit",
    refuses: "max_user_namespaces",
  },
  {
    name: "a filter that does not know newer calls",
    where: "docker 20.10 and older, gVisor, services with SystemCallFilter=",
    caller: "user",
    filtered: [
      "close_range",
      "execveat",
      "faccessat2",
      "mount_setattr",
      "pidfd_open",
      "pidfd_send_signal",
      "keyctl",
    ],
    works: "with the caller's id alone",
    says: ONE_ID,
  },
  {
    name: "a filter that knows no mounts by descriptor",
    where: "filters of 2019 and before: no openat2, open_tree, move_mount, fsopen",
    caller: "user",
    filtered: ["openat2", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "mount_setattr"],
    works: "with the caller's id alone",
    says: ONE_ID,
  },
  {
    name: "the same as root",
    where: "the same",
    caller: "root",
    filtered: ["openat2", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "mount_setattr"],
    works: "everything",
  },
  {
    name: "little memory for addresses",
    where: "ulimit -v 1000000, LimitAS=",
    caller: "user",
    around: ["sh", "-c", 'ulimit -v 1000000 && exec "$@"', "sh"],
    byFront: true,
    works: "everything",
  },
];
