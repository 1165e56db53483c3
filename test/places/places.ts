/**
 * Places where people run brun, as data: how a command gets there, and what it finds. places.test.ts runs it, and
 * docs/places.md shows it. Only what Debian's packages can make on one machine is here; the virtual machine and
 * `npm run test:clients` have the others.
 */

export interface Place {
  readonly name: string;
  /** What a reader may know it from. */
  readonly where: string;
  /** Who calls brun there. */
  readonly caller: "user" | "root";
  /** A script of root's that makes the place in a mount namespace of its own and ends with: exec "$@". */
  readonly make?: string;
  /** A program and its arguments by which the caller runs brun. */
  readonly around?: readonly string[];
  /** Programs that it needs. */
  readonly needs?: readonly string[];
  /** What works, in words, for the page. */
  readonly works: string;
  /** Part of the one warning of the first run; no warning unless given. */
  readonly says?: string;
}

const MASKED = `mount -t tmpfs -o ro none /proc/acpi 2>/dev/null || mount --bind /dev/null /proc/version
mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec "$@"`;
const READ_ONLY_CGROUPS = `for each in /sys/fs/cgroup/* /sys/fs/cgroup; do
  mount -o remount,bind,ro "$each" 2>/dev/null || :
done
exec "$@"`;
const OUTER_PROC = "bind the outer /proc";
const ONE_ID = "map one id";

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
    name: "unshare -Ur",
    where: "build tools that make themselves root",
    caller: "user",
    around: ["unshare", "--user", "--map-root-user"],
    works: "everything with one id",
  },
  {
    name: "a masked /proc",
    where: "podman's and docker's containers as they come",
    caller: "user",
    make: MASKED,
    works: "with the outer /proc and pid namespace; --proc=mount refuses instead",
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
    works: "everything but limits",
  },
  {
    name: "root, no cgroups",
    where: "chroots, early boot",
    caller: "root",
    make: 'umount -R /sys/fs/cgroup && exec "$@"',
    works: "everything but limits",
  },
  {
    name: "little memory for addresses",
    where: "ulimit -v 1000000, LimitAS=",
    caller: "user",
    around: ["sh", "-c", 'ulimit -v 1000000 && exec "$@"', "sh"],
    works: "everything",
  },
];
