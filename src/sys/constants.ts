/** Kernel constants by their kernel names. Values are the same on x86-64 and arm64. */

/** Namespace flags (clone(2), setns(2)). */
export enum CLONE {
  NEWTIME = 0x80,
  NEWNS = 0x20000,
  NEWCGROUP = 0x2000000,
  NEWUTS = 0x4000000,
  NEWIPC = 0x8000000,
  NEWUSER = 0x10000000,
  NEWPID = 0x20000000,
  NEWNET = 0x40000000,
}

/** flock(2). */
export enum LOCK {
  SH = 1,
  EX = 2,
  NB = 4,
  UN = 8,
}

/** statx(2): masks of the type alone and of the fields of stat(2), the size of struct statx, and the offsets of some fields. */
export enum STATX {
  TYPE = 1,
  BASIC_STATS = 0x7ff,
  SIZE = 256,
  UID = 0x14,
  MODE = 0x1c,
}

/** mount(2) flags. */
export enum MS {
  RDONLY = 1,
  NOSUID = 2,
  NODEV = 4,
  NOEXEC = 8,
  SYNCHRONOUS = 16,
  REMOUNT = 32,
  MANDLOCK = 64,
  DIRSYNC = 128,
  NOSYMFOLLOW = 256,
  NOATIME = 1024,
  NODIRATIME = 2048,
  BIND = 4096,
  MOVE = 8192,
  REC = 16384,
  SILENT = 32768,
  UNBINDABLE = 1 << 17,
  PRIVATE = 1 << 18,
  SLAVE = 1 << 19,
  SHARED = 1 << 20,
  RELATIME = 1 << 21,
  I_VERSION = 1 << 23,
  STRICTATIME = 1 << 24,
  LAZYTIME = 1 << 25,
}

/** mount_setattr(2) attributes. */
export enum MOUNT_ATTR {
  RDONLY = 0x1,
  NOSUID = 0x2,
  NODEV = 0x4,
  NOEXEC = 0x8,
  ATIME = 0x70,
  RELATIME = 0x0,
  NOATIME = 0x10,
  STRICTATIME = 0x20,
  NODIRATIME = 0x80,
  IDMAP = 0x100000,
  NOSYMFOLLOW = 0x200000,
}

export const MNT_DETACH = 2;
export const OPEN_TREE_CLONE = 1;
export const OPEN_TREE_CLOEXEC = 0o2000000;
export const AT_RECURSIVE = 0x8000;
export const AT_EACCESS = 0x200;
export const MOVE_MOUNT_F_EMPTY_PATH = 0x4;
export const MOVE_MOUNT_T_EMPTY_PATH = 0x40;

/** openat2(2) resolve flags. */
export enum RESOLVE {
  NO_XDEV = 1,
  NO_MAGICLINKS = 2,
  NO_SYMLINKS = 4,
  BENEATH = 8,
  IN_ROOT = 16,
}

/** prctl(2) operations. */
export enum PR {
  SET_PDEATHSIG = 1,
  SET_DUMPABLE = 4,
  SET_KEEPCAPS = 8,
  SET_NAME = 15,
  CAPBSET_DROP = 24,
  SET_CHILD_SUBREAPER = 36,
  SET_NO_NEW_PRIVS = 38,
  CAP_AMBIENT = 47,
}

/** Operations of PR.CAP_AMBIENT. */
export enum AMBIENT {
  RAISE = 2,
  CLEAR_ALL = 4,
}

/** ioctl(2) requests on terminals and sockets (asm-generic/ioctls.h, linux/sockios.h). */
export enum IOCTL {
  TCGETS = 0x5401,
  TCSETS = 0x5402,
  TIOCSCTTY = 0x540e,
  TIOCGWINSZ = 0x5413,
  TIOCSWINSZ = 0x5414,
  TIOCGPGRP = 0x540f,
  FIONREAD = 0x541b,
  TIOCSPTLCK = 0x40045431,
  TIOCGPTN = 0x80045430,
  TIOCGPTPEER = 0x5441,
  SIOCGIFFLAGS = 0x8913,
  SIOCSIFFLAGS = 0x8914,
  NS_GET_PARENT = 0xb702,
  NS_GET_ID = 0x8008b70d,
}

/** Address families (socket(2)). */
export enum AF {
  UNIX = 1,
  INET = 2,
  INET6 = 10,
  NETLINK = 16,
  PACKET = 17,
}

/** Types of sockets, and flags that can be added to them (socket(2)). */
export enum SOCK {
  STREAM = 1,
  DGRAM = 2,
  RAW = 3,
  SEQPACKET = 5,
  NONBLOCK = 0o4000,
  CLOEXEC = 0o2000000,
}

/** Magic numbers of file systems (statfs(2)). */
export enum FS_MAGIC {
  PROC = 0x9fa0,
  SYSFS = 0x62656572,
  CGROUP2 = 0x63677270,
  TMPFS = 0x01021994,
  DEVPTS = 0x1cd1,
}

/** Capabilities by number (linux/capability.h, Linux 5.9). */
export const CAPABILITIES = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_DAC_READ_SEARCH",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETPCAP",
  "CAP_LINUX_IMMUTABLE",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_BROADCAST",
  "CAP_NET_ADMIN",
  "CAP_NET_RAW",
  "CAP_IPC_LOCK",
  "CAP_IPC_OWNER",
  "CAP_SYS_MODULE",
  "CAP_SYS_RAWIO",
  "CAP_SYS_CHROOT",
  "CAP_SYS_PTRACE",
  "CAP_SYS_PACCT",
  "CAP_SYS_ADMIN",
  "CAP_SYS_BOOT",
  "CAP_SYS_NICE",
  "CAP_SYS_RESOURCE",
  "CAP_SYS_TIME",
  "CAP_SYS_TTY_CONFIG",
  "CAP_MKNOD",
  "CAP_LEASE",
  "CAP_AUDIT_WRITE",
  "CAP_AUDIT_CONTROL",
  "CAP_SETFCAP",
  "CAP_MAC_OVERRIDE",
  "CAP_MAC_ADMIN",
  "CAP_SYSLOG",
  "CAP_WAKE_ALARM",
  "CAP_BLOCK_SUSPEND",
  "CAP_AUDIT_READ",
  "CAP_PERFMON",
  "CAP_BPF",
  "CAP_CHECKPOINT_RESTORE",
] as const;

/** Resource limits by number (asm-generic/resource.h). */
export const RLIMITS = [
  "RLIMIT_CPU",
  "RLIMIT_FSIZE",
  "RLIMIT_DATA",
  "RLIMIT_STACK",
  "RLIMIT_CORE",
  "RLIMIT_RSS",
  "RLIMIT_NPROC",
  "RLIMIT_NOFILE",
  "RLIMIT_MEMLOCK",
  "RLIMIT_AS",
  "RLIMIT_LOCKS",
  "RLIMIT_SIGPENDING",
  "RLIMIT_MSGQUEUE",
  "RLIMIT_NICE",
  "RLIMIT_RTPRIO",
  "RLIMIT_RTTIME",
] as const;
