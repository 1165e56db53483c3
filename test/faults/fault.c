/*
 * Runs brun and lets one of its system calls fail, or kills brun before it.
 *   usage: fault REPORT FROM WHICH HOW PROGRAM [ARGUMENT...]
 *     FROM   "stage" or "front": where counting begins
 *     WHICH  number of the call, from 1; 0 for none
 *     HOW    an errno number, or "kill"
 * Calls are counted from when brun loads the stage (its memfd_create), or from the front's first: those of brun's main thread except what a
 * JavaScript engine does for itself, and all of the stage in whatever process. Writes two lines to REPORT: how
 * many there were, and the number of the system call that failed, or -1. Exits as the program does, 128 + signal
 * when it was killed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRACEES 4096
#define OPTIONS                                                                                              \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |            \
	 PTRACE_O_TRACEEXEC)
#define SYSCALL_STOP (SIGTRAP | 0x80)

struct tracee {
	pid_t tid;
	int counts; /* 1: what it calls counts; 0: not; -1: not looked at since it began or executed something */
	int failing; /* it is in the call that is to fail */
};

static struct tracee tracees[TRACEES];
static pid_t root;
static int counting;
static int counting_from_front;
static unsigned long calls;
static unsigned long which;
static long error;
static long failed = -1;

static struct tracee *find(pid_t tid)
{
	for (int i = 0; i < TRACEES; i++) {
		if (tracees[i].tid == tid)
			return &tracees[i];
		if (tracees[i].tid == 0) {
			tracees[i] = (struct tracee){tid, -1, 0};
			return &tracees[i];
		}
	}
	exit(3);
}

static int is_brun(pid_t tid)
{
	char path[64];
	char exe[256] = "";

	snprintf(path, sizeof(path), "/proc/%d/exe", tid);
	return readlink(path, exe, sizeof(exe) - 1) > 5 && strcmp(exe + strlen(exe) - 5, "/brun") == 0;
}

/* The stage counts, brun's main thread does, and a process that brun has cloned but that has executed nothing. */
static int counts(pid_t tid)
{
	char path[64];
	char exe[256] = "";
	char own[256] = "";
	char line[256];
	FILE *status;
	pid_t group = 0;

	snprintf(path, sizeof(path), "/proc/%d/exe", tid);
	if (readlink(path, exe, sizeof(exe) - 1) < 0)
		return 0;
	if (strncmp(exe, "/memfd:brun-nsenter", 19) == 0)
		return 1;
	snprintf(path, sizeof(path), "/proc/%d/exe", root);
	if (readlink(path, own, sizeof(own) - 1) < 0 || strcmp(exe, own) != 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	status = fopen(path, "r");
	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "Tgid: %d", &group) == 1)
			break;
	if (status)
		fclose(status);
	return group == tid;
}

/* What is left alone: what cannot fail, and what the JavaScript engine does for itself. */
static int is_left_alone(pid_t tid, uint64_t nr)
{
	switch (nr) {
	/* These end, or cannot fail. */
	case SYS_exit:
	case SYS_exit_group:
	case SYS_rt_sigreturn:
	case SYS_restart_syscall:
	case SYS_getpid:
	case SYS_gettid:
	case SYS_getppid:
	case SYS_getuid:
	case SYS_geteuid:
	case SYS_getgid:
	case SYS_getegid:
		return 1;
	default:
		break;
	}
	if (tid != root)
		return 0;
	switch (nr) {
	case SYS_clone3: /* threads; brun's own children come by clone */
	case SYS_mmap:
	case SYS_munmap:
	case SYS_mprotect:
	case SYS_madvise:
	case SYS_mremap:
	case SYS_brk:
	case SYS_futex:
	case SYS_rt_sigprocmask:
	case SYS_rt_sigaction:
	case SYS_sigaltstack:
	case SYS_tgkill:
	case SYS_sched_yield:
	case SYS_getrandom:
	case SYS_clock_gettime:
		return 1;
	default:
		return 0;
	}
}

static void set_call(pid_t tid, long nr)
{
#if defined(__x86_64__)
	ptrace(PTRACE_POKEUSER, tid, offsetof(struct user_regs_struct, orig_rax), nr);
#else
	int number = (int)nr;
	struct iovec iov = {&number, sizeof(number)};

	ptrace(PTRACE_SETREGSET, tid, 0x404 /* NT_ARM_SYSTEM_CALL */, &iov);
#endif
}

static void set_result(pid_t tid, long result)
{
	struct user_regs_struct regs;
	struct iovec iov = {&regs, sizeof(regs)};

	if (ptrace(PTRACE_GETREGSET, tid, 1 /* NT_PRSTATUS */, &iov) < 0)
		return;
#if defined(__x86_64__)
	regs.rax = (unsigned long)result;
#else
	regs.regs[0] = (unsigned long)result;
#endif
	ptrace(PTRACE_SETREGSET, tid, 1, &iov);
}

static void at_call(struct tracee *tracee)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, tracee->tid, sizeof(info), &info) <= 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_EXIT && tracee->failing) {
		set_result(tracee->tid, -error);
		tracee->failing = 0;
	}
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	if (!counting) {
		counting = tracee->tid == root && info.entry.nr == SYS_memfd_create;
		if (!counting)
			return;
	}
	if (is_left_alone(tracee->tid, info.entry.nr))
		return;
	if (tracee->counts < 0)
		tracee->counts = counts(tracee->tid);
	if (!tracee->counts || ++calls != which)
		return;
	failed = (long)info.entry.nr;
	if (error == 0) {
		kill(root, SIGKILL);
		return;
	}
	tracee->failing = 1;
	/* close(2) has closed also where it fails. */
	if (info.entry.nr != SYS_close)
		set_call(tracee->tid, -1);
}

/* Goes on until brun itself has ended; what it has left behind is let go by the end of this process. */
static int trace(void)
{
	for (;;) {
		int status;
		int signal = 0;
		pid_t tid = waitpid(-1, &status, __WALL);
		struct tracee *tracee;

		if (tid < 0)
			return 3;
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			if (tid == root)
				return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
			find(tid)->counts = -1;
			continue;
		}
		tracee = find(tid);
		if (WSTOPSIG(status) == SYSCALL_STOP)
			at_call(tracee);
		else if (status >> 16 == PTRACE_EVENT_EXEC) {
			tracee->counts = -1;
			/* setpriv and the like come before. */
			counting |= counting_from_front && tid == root && is_brun(tid);
		} else if (status >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(status) != SIGTRAP) {
			ptrace(PTRACE_LISTEN, tid, 0, 0);
			continue;
		} else if (status >> 16 == 0)
			signal = WSTOPSIG(status);
		ptrace(PTRACE_SYSCALL, tid, 0, signal);
	}
}

int main(int argc, char **argv)
{
	FILE *report;
	int status;

	if (argc < 6)
		return 2;
	counting_from_front = strcmp(argv[2], "front") == 0;
	which = strtoul(argv[3], 0, 10);
	error = strcmp(argv[4], "kill") == 0 ? 0 : strtol(argv[4], 0, 10);
	report = fopen(argv[1], "we");
	root = fork();
	if (root == 0) {
		raise(SIGSTOP);
		execvp(argv[5], argv + 5);
		_exit(127);
	}
	if (!report || root < 0 || waitpid(root, &status, WUNTRACED) != root ||
	    ptrace(PTRACE_SEIZE, root, 0, OPTIONS) < 0)
		return 3;
	kill(root, SIGCONT);
	status = trace();
	fprintf(report, "%lu\n%ld\n", calls, failed);
	fclose(report);
	return status;
}
