/**
 * The system calls that a sandbox's program may use, by purpose. docs/seccomp.md is generated from this
 * table. Other calls fail with EPERM. Calls that are too new for the kernel's headers fail with ENOSYS.
 */

/** A group of system calls with one purpose. */
export interface CallGroup {
  readonly title: string;
  readonly calls: string;
}

/** Calls that are always allowed. Names that do not exist on this architecture are skipped. */
export const ALLOWED: readonly CallGroup[] = [
  {
    title: "Files: opening, reading, writing",
    calls: `open openat openat2 creat close close_range read write readv writev pread64 pwrite64 preadv pwritev
      preadv2 pwritev2 lseek _llseek dup dup2 dup3 fcntl fcntl64 flock ioctl sendfile sendfile64 splice tee vmsplice
      copy_file_range fadvise64 fadvise64_64 arm_fadvise64_64 readahead fallocate truncate truncate64 ftruncate
      ftruncate64 sync syncfs fsync fdatasync sync_file_range sync_file_range2 arm_sync_file_range memfd_create
      memfd_secret cachestat umask`,
  },
  {
    title: "Files: names, directories, metadata",
    calls: `stat stat64 lstat lstat64 fstat fstat64 fstatat64 newfstatat statx statfs statfs64 fstatfs fstatfs64 statmount
      listmount access faccessat faccessat2 chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 fchownat lchown
      lchown32 link linkat symlink symlinkat readlink readlinkat unlink unlinkat rename renameat renameat2 mkdir mkdirat
      rmdir mknod mknodat getdents getdents64 getcwd chdir fchdir utime utimes utimensat utimensat_time64 futimesat
      getxattr getxattrat lgetxattr fgetxattr setxattr setxattrat lsetxattr fsetxattr listxattr listxattrat llistxattr
      flistxattr removexattr removexattrat lremovexattr fremovexattr name_to_handle_at file_getattr file_setattr`,
  },
  {
    title: "Waiting for files and events",
    calls: `select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64 epoll_create epoll_create1 epoll_ctl
      epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 eventfd eventfd2 signalfd signalfd4
      timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 inotify_init inotify_init1
      inotify_add_watch inotify_rm_watch fanotify_mark io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents
      io_pgetevents_time64`,
  },
  {
    title: "Memory",
    calls: `brk mmap mmap2 munmap mremap mprotect pkey_alloc pkey_free pkey_mprotect madvise process_madvise mincore msync
      mlock mlock2 mlockall munlock munlockall mseal membarrier remap_file_pages map_shadow_stack get_mempolicy
      set_mempolicy set_mempolicy_home_node mbind process_mrelease`,
  },
  {
    title: "Processes and threads",
    calls: `fork vfork execve execveat exit exit_group wait4 waitid waitpid getpid getppid gettid getpgid getpgrp setpgid
      getsid setsid set_tid_address set_robust_list get_robust_list futex futex_time64 futex_waitv futex_wake futex_wait
      futex_requeue rseq prctl arch_prctl set_thread_area get_thread_area modify_ldt kill tkill tgkill pidfd_open
      pidfd_send_signal pause alarm restart_syscall uname sysinfo getcpu landlock_create_ruleset landlock_add_rule
      landlock_restrict_self seccomp uretprobe lsm_get_self_attr lsm_set_self_attr lsm_list_modules`,
  },
  {
    title: "Debugging a process of one's own",
    calls: "ptrace process_vm_readv process_vm_writev",
  },
  {
    title: "Signals",
    calls: `rt_sigaction rt_sigprocmask rt_sigpending rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_sigqueueinfo
      rt_tgsigqueueinfo rt_sigreturn sigaction sigprocmask sigpending sigsuspend sigreturn signal sigaltstack`,
  },
  {
    title: "Users, groups, capabilities, limits",
    calls: `getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 getresgid getresgid32
      getgroups getgroups32 setuid setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32 setresuid
      setresuid32 setresgid setresgid32 setfsuid setfsuid32 setfsgid setfsgid32 setgroups setgroups32 capget capset
      getrlimit ugetrlimit setrlimit prlimit64 getrusage`,
  },
  {
    title: "Scheduling",
    calls: `sched_yield sched_getaffinity sched_setaffinity sched_getattr sched_setattr sched_getparam sched_setparam
      sched_getscheduler sched_setscheduler sched_get_priority_max sched_get_priority_min sched_rr_get_interval
      sched_rr_get_interval_time64 getpriority setpriority ioprio_get ioprio_set nice`,
  },
  {
    title: "Time",
    calls: `time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64 clock_nanosleep
      clock_nanosleep_time64 nanosleep times getitimer setitimer timer_create timer_delete timer_getoverrun timer_gettime
      timer_gettime64 timer_settime timer_settime64 adjtimex clock_adjtime clock_adjtime64`,
  },
  {
    title: "Network and local sockets",
    calls: `socketpair bind connect listen accept accept4 getsockname getpeername getsockopt setsockopt shutdown send
      sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64 pipe pipe2`,
  },
  {
    title: "System V and POSIX IPC",
    calls: `ipc shmget shmat shmctl shmdt semget semop semtimedop semtimedop_time64 semctl msgget msgsnd msgrcv msgctl
      mq_open mq_unlink mq_notify mq_getsetattr mq_timedsend mq_timedsend_time64 mq_timedreceive
      mq_timedreceive_time64`,
  },
  {
    title: "Other",
    calls: "getrandom breakpoint cacheflush set_tls",
  },
];

/** The calls that make a container inside another: allowed with --allow-nesting or CAP_SYS_ADMIN. */
export const NESTING: CallGroup = {
  title: "Mounts and namespaces",
  calls: `mount umount umount2 mount_setattr move_mount open_tree open_tree_attr fsopen fsconfig fsmount fspick
      pivot_root unshare setns clone clone3 sethostname setdomainname`,
};

/** Calls that are only useful with a capability, and allowed with it. */
export const WITH_CAPABILITY: readonly (CallGroup & { readonly capability: string })[] = [
  { capability: "CAP_DAC_READ_SEARCH", title: "Files by handle", calls: "open_by_handle_at" },
  {
    capability: "CAP_SYS_ADMIN",
    title: "Mounts, namespaces, quotas, BPF",
    calls: `${NESTING.calls} bpf perf_event_open fanotify_init lookup_dcookie quotactl quotactl_fd syslog`,
  },
  { capability: "CAP_SYS_BOOT", title: "Restarting the machine", calls: "reboot kexec_load kexec_file_load" },
  { capability: "CAP_SYS_CHROOT", title: "Another root", calls: "chroot" },
  {
    capability: "CAP_SYS_MODULE",
    title: "Modules of the kernel",
    calls: "init_module finit_module delete_module",
  },
  { capability: "CAP_SYS_PACCT", title: "Accounting", calls: "acct" },
  {
    capability: "CAP_SYS_PTRACE",
    title: "Looking into other processes",
    calls: "kcmp pidfd_getfd process_vm_readv process_vm_writev ptrace",
  },
  { capability: "CAP_SYS_RAWIO", title: "Ports of the hardware", calls: "iopl ioperm" },
  {
    capability: "CAP_SYS_TIME",
    title: "Setting the clock",
    calls: "settimeofday stime clock_settime clock_settime64",
  },
  { capability: "CAP_SYS_TTY_CONFIG", title: "Hanging up the terminal", calls: "vhangup" },
  { capability: "CAP_SYSLOG", title: "The kernel's messages", calls: "syslog" },
  { capability: "CAP_BPF", title: "BPF", calls: "bpf" },
  { capability: "CAP_PERFMON", title: "Counting events", calls: "perf_event_open" },
];

/**
 * Calls that need more ids than the caller's own. With --fake-root they succeed without effect, and so does
 * mknod of devices.
 */
export const NEEDS_OTHER_IDS: CallGroup = {
  title: "Owners and identities",
  calls: `chown chown32 fchown fchown32 fchownat lchown lchown32 setuid setuid32 setgid setgid32 setreuid setreuid32 setregid
      setregid32 setresuid setresuid32 setresgid setresgid32 setfsuid setfsuid32 setfsgid setfsgid32 setgroups setgroups32`,
};

/** Allowed values of personality(2): the default, 32 bits, both without a random layout, the query. */
export const PERSONALITIES = [0x0, 0x0008, 0x20000, 0x20008, 0xffffffff] as const;

/** An address family that socket(2) refuses, with the reason. */
export interface RefusedFamily {
  readonly name: string;
  readonly number: number;
  readonly why: string;
}

/** Address families that socket(2) refuses. */
export const REFUSED_FAMILIES: readonly RefusedFamily[] = [
  { name: "AF_RXRPC", number: 33, why: "AFS and little else, and a module that anyone can have loaded" },
  {
    name: "AF_ALG",
    number: 38,
    why: "the kernel's ciphers, by which a program wrote the page cache (CVE-2026-31431)",
  },
  {
    name: "AF_VSOCK",
    number: 40,
    why: "it reaches past the network namespace to the host of a virtual machine",
  },
];

/** The CLONE_NEW* flags of clone(2): cgroup, uts, ipc, user, pid, net and mount namespaces. */
export const CLONE_NAMESPACES = 0x7e020000;
