/** Profiles for tests: one that denies a few system calls, and one that allows some 320 by name. */
import type { Seccomp, SeccompAction, Syscall, SyscallArg } from "../../spec/seccomp.ts";

const X86_ARCHITECTURES = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"] as const;
const ARM_ARCHITECTURES = ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"] as const;

/** The native architecture and those of its 32-bit programs. */
export const ARCHITECTURES = process.arch === "arm64" ? ARM_ARCHITECTURES : X86_ARCHITECTURES;

/** A rule. */
export function rule(
  names: string | readonly string[],
  action: SeccompAction,
  more: { errnoRet?: number; args?: SyscallArg[] } = {},
): Syscall {
  return { names: typeof names === "string" ? [names] : [...names], action, ...more };
}

/** A condition on an argument: equality unless said otherwise. */
export function arg(
  index: number,
  value: number | bigint,
  op: SyscallArg["op"] = "SCMP_CMP_EQ",
  valueTwo?: number | bigint,
): SyscallArg {
  return valueTwo === undefined ? { index, value, op } : { index, value, op, valueTwo };
}

/** Allows everything except what the rules refuse. */
export function denyList(...syscalls: Syscall[]): Seccomp {
  return { defaultAction: "SCMP_ACT_ALLOW", architectures: [...ARCHITECTURES], syscalls };
}

/** System calls of ordinary programs, for 64 and 32 bits, in the order of the kernel's tables. */
const ORDINARY = `
read write open close stat fstat lstat poll lseek mmap mprotect munmap brk rt_sigaction
rt_sigprocmask rt_sigreturn ioctl pread64 pwrite64 readv writev access pipe select sched_yield
mremap msync mincore madvise shmget shmat shmctl dup dup2 pause nanosleep getitimer alarm
setitimer getpid sendfile connect accept sendto recvfrom sendmsg recvmsg shutdown bind listen
getsockname getpeername socketpair setsockopt getsockopt fork vfork execve exit wait4 kill uname
semget semop semctl shmdt msgget msgsnd msgrcv msgctl fcntl flock fsync fdatasync truncate
ftruncate getdents getcwd chdir fchdir rename mkdir rmdir creat link unlink symlink readlink
chmod fchmod chown fchown lchown umask gettimeofday getrlimit getrusage sysinfo times getuid
getgid setuid setgid geteuid getegid setpgid getppid getpgrp setsid setreuid setregid getgroups
setgroups setresuid getresuid setresgid getresgid getpgid setfsuid setfsgid getsid capget capset
rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend sigaltstack utime statfs fstatfs
getpriority setpriority sched_setparam sched_getparam sched_setscheduler sched_getscheduler
sched_get_priority_max sched_get_priority_min sched_rr_get_interval mlock munlock mlockall
munlockall prctl arch_prctl setrlimit sync gettid readahead setxattr lsetxattr fsetxattr getxattr
lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr tkill
time futex sched_setaffinity sched_getaffinity set_thread_area io_setup io_destroy io_getevents
io_submit io_cancel get_thread_area epoll_create remap_file_pages getdents64 set_tid_address
semtimedop fadvise64 timer_create timer_settime timer_gettime timer_getoverrun timer_delete
clock_gettime clock_getres clock_nanosleep exit_group epoll_wait epoll_ctl tgkill utimes
get_mempolicy mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr waitid
ioprio_set ioprio_get inotify_init inotify_add_watch inotify_rm_watch openat mkdirat fchownat
futimesat newfstatat unlinkat renameat linkat symlinkat readlinkat fchmodat faccessat pselect6
ppoll set_robust_list get_robust_list splice tee sync_file_range vmsplice utimensat epoll_pwait
signalfd timerfd_create eventfd fallocate timerfd_settime timerfd_gettime accept4 signalfd4
eventfd2 epoll_create1 dup3 pipe2 inotify_init1 preadv pwritev rt_tgsigqueueinfo recvmmsg
fanotify_mark prlimit64 syncfs sendmmsg getcpu sched_setattr sched_getattr renameat2 seccomp
getrandom memfd_create execveat membarrier mlock2 copy_file_range preadv2 pwritev2 pkey_mprotect
pkey_alloc pkey_free statx io_pgetevents rseq pidfd_send_signal pidfd_open close_range openat2
faccessat2 epoll_pwait2 process_mrelease futex_waitv
waitpid sigaction socketcall ipc sigreturn sigprocmask _llseek _newselect ugetrlimit mmap2
truncate64 ftruncate64 stat64 lstat64 fstat64 lchown32 getuid32 getgid32 geteuid32 getegid32
setreuid32 setregid32 getgroups32 setgroups32 fchown32 setresuid32 getresuid32 setresgid32
getresgid32 chown32 setuid32 setgid32 setfsuid32 setfsgid32 fcntl64 sendfile64 fadvise64 statfs64
fstatfs64 fadvise64_64 fstatat64 clock_gettime64 clock_getres_time64 clock_nanosleep_time64
timer_gettime64 timer_settime64 timerfd_gettime64 timerfd_settime64 utimensat_time64
pselect6_time64 ppoll_time64 io_pgetevents_time64 recvmmsg_time64 mq_timedsend_time64
mq_timedreceive_time64 semtimedop_time64 futex_time64 sched_rr_get_interval_time64
`
  .trim()
  .split(/\s+/);

const CLONE_NAMESPACES = 0x7e020000;
const AF_VSOCK = 40;

/** An allow list like those of engines: EPERM by default, conditions for clone, socket and personality. */
export function allowList(): Seccomp {
  const personalities = [0, 8, 0x20000, 0x20008, 0xffffffff];
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 1,
    architectures: [...ARCHITECTURES],
    syscalls: [
      rule(ORDINARY, "SCMP_ACT_ALLOW"),
      ...personalities.map((p) => rule("personality", "SCMP_ACT_ALLOW", { args: [arg(0, p)] })),
      rule("socket", "SCMP_ACT_ALLOW", { args: [arg(0, AF_VSOCK, "SCMP_CMP_NE")] }),
      rule("clone", "SCMP_ACT_ALLOW", { args: [arg(0, CLONE_NAMESPACES, "SCMP_CMP_MASKED_EQ", 0)] }),
      rule("clone3", "SCMP_ACT_ERRNO", { errnoRet: 38 }),
    ],
  };
}
