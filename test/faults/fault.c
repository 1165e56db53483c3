/*
 * Runs brun and lets one of its system calls fail, or kills brun before it.
 *   usage: fault REPORT FROM WHICH HOW PROGRAM [ARGUMENT...]
 *     FROM   "front" or "bun": where counting begins
 *     WHICH  number of the call, from 1; 0 for none
 *     HOW    an errno number, or "kill"
 * What counts is all that the stage calls, in whatever process, and what brun's main thread calls through the front's
 * code, which is at a fixed address: neither what the dynamic loader nor what a JavaScript engine does for itself. From
 * "front" on all of it counts, from "bun" on what comes after the front has loaded Bun. Writes to
 * REPORT the numbers of all system calls that counted, and in the second line that of the one that failed, or -1.
 * Exits as the program does, 128 + signal when it was killed.
 *
 * What receives waits before it fails, and leaves unread what it would have received. Where it is not brun itself, brun
 * stops until that process has ended: it finds a connection that has been reset, which otherwise a loaded machine shows.
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
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRACEES 4096
#define OPTIONS                                                                                              \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |            \
	 PTRACE_O_TRACEEXEC)
#define AWAIT_SECONDS 2
#define SYSCALL_STOP (SIGTRAP | 0x80)
/* nsenter/build.sh */
#define FRONT_BEGIN 0x10000000
#define FRONT_END 0x10100000

enum counts {
	UNKNOWN,
	NOT,
	ALL,
	OF_THE_FRONT
};

struct tracee {
	pid_t tid;
	enum counts counts;
	int failing; /* it is in the call that is to fail */
};

static struct tracee tracees[TRACEES];
static pid_t root;
static int counting;
static int from_front;
static unsigned long calls;
static unsigned long which;
static long error;
static long failed = -1;
static FILE *report;
static pid_t awaited; /* brun goes on when this one has ended */
static int held;      /* brun has stopped for it */

static struct tracee *find(pid_t tid)
{
	for (int i = 0; i < TRACEES; i++) {
		if (tracees[i].tid == tid)
			return &tracees[i];
		if (tracees[i].tid == 0) {
			tracees[i] = (struct tracee){tid, UNKNOWN, 0};
			return &tracees[i];
		}
	}
	exit(3);
}

static int in_front(uint64_t instruction)
{
	return instruction >= FRONT_BEGIN && instruction < FRONT_END;
}

static int is_brun(pid_t tid)
{
	char path[64];
	char exe[256] = "";

	snprintf(path, sizeof(path), "/proc/%d/exe", tid);
	return readlink(path, exe, sizeof(exe) - 1) > 5 && strcmp(exe + strlen(exe) - 5, "/brun") == 0;
}

/* The stage counts; brun, and what it has cloned until that has executed something, for what it calls in the front. */
static enum counts kind_of(pid_t tid)
{
	char path[64];
	char exe[256] = "";

	snprintf(path, sizeof(path), "/proc/%d/exe", tid);
	if (readlink(path, exe, sizeof(exe) - 1) < 0)
		return NOT;
	if (strncmp(exe, "/memfd:brun-nsenter", 19) == 0)
		return ALL;
	return is_brun(tid) ? OF_THE_FRONT : NOT;
}

/* What ends, or cannot fail. */
static int is_left_alone(uint64_t nr)
{
	switch (nr) {
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
	case SYS_rt_sigprocmask:
	case SYS_rt_sigaction:
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

static int receives(uint64_t nr)
{
	return nr == SYS_recvfrom || nr == SYS_recvmsg;
}

/* Has a call that receives take nothing. */
static void peek(pid_t tid, uint64_t nr)
{
	struct user_regs_struct regs;
	struct iovec iov = {&regs, sizeof(regs)};

	if (ptrace(PTRACE_GETREGSET, tid, 1 /* NT_PRSTATUS */, &iov) < 0)
		return;
#if defined(__x86_64__)
	*(nr == SYS_recvfrom ? &regs.r10 : &regs.rdx) |= MSG_PEEK;
#else
	regs.regs[nr == SYS_recvfrom ? 3 : 2] |= MSG_PEEK;
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
		if (receives((uint64_t)failed) && tracee->tid != root &&
		    ptrace(PTRACE_INTERRUPT, root, 0, 0) == 0) {
			awaited = tracee->tid;
			alarm(AWAIT_SECONDS);
		}
	}
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	if (tracee->counts == UNKNOWN)
		tracee->counts = kind_of(tracee->tid);
	if (tracee->counts == OF_THE_FRONT && !in_front(info.instruction_pointer)) {
		/* The front has gone on to the dynamic loader. */
		counting = 1;
		return;
	}
	if (!counting || tracee->counts == NOT || is_left_alone(info.entry.nr))
		return;
	fprintf(report, "%lu ", (unsigned long)info.entry.nr);
	if (++calls != which)
		return;
	failed = (long)info.entry.nr;
	if (error == 0) {
		kill(root, SIGKILL);
		return;
	}
	tracee->failing = 1;
	if (receives(info.entry.nr))
		peek(tracee->tid, info.entry.nr);
	/* close(2) has closed also where it fails. */
	else if (info.entry.nr != SYS_close)
		set_call(tracee->tid, -1);
}

/* Whoever has been held goes on; who has not takes no harm. */
static void end_await(void)
{
	alarm(0);
	ptrace(PTRACE_SYSCALL, awaited, 0, 0);
	ptrace(PTRACE_SYSCALL, root, 0, 0);
	awaited = 0;
	held = 0;
}

/* Whether one that has stopped stays so: the one that is awaited until brun has stopped, and brun until that has ended. */
static int stays(pid_t tid)
{
	if (awaited == 0 || tid != root)
		return awaited == tid && !held;
	held = 1;
	ptrace(PTRACE_SYSCALL, awaited, 0, 0);
	return 1;
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* Goes on until brun itself has ended; what it has left behind is let go by the end of this process. */
static int trace(void)
{
	for (;;) {
		int status;
		int signal = 0;
		pid_t tid = waitpid(-1, &status, __WALL);
		struct tracee *tracee;

		if (tid < 0 && errno == EINTR) {
			end_await();
			continue;
		}
		if (tid < 0)
			return 3;
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			if (tid == awaited)
				end_await();
			if (tid == root)
				return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
			find(tid)->counts = UNKNOWN;
			continue;
		}
		tracee = find(tid);
		if (WSTOPSIG(status) == SYSCALL_STOP) {
			at_call(tracee);
			if (stays(tid))
				continue;
		} else if (status >> 16 == PTRACE_EVENT_EXEC) {
			tracee->counts = UNKNOWN;
			/* setpriv and the like come before. */
			counting |= from_front && tid == root && is_brun(tid);
		} else if (status >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(status) != SIGTRAP) {
			ptrace(PTRACE_LISTEN, tid, 0, 0);
			continue;
		} else if (status >> 16 == PTRACE_EVENT_STOP && stays(tid)) {
			continue;
		} else if (status >> 16 == 0)
			signal = WSTOPSIG(status);
		ptrace(PTRACE_SYSCALL, tid, 0, signal);
	}
}

int main(int argc, char **argv)
{
	int status;

	if (argc < 6)
		return 2;
	from_front = strcmp(argv[2], "front") == 0;
	which = strtoul(argv[3], 0, 10);
	error = strcmp(argv[4], "kill") == 0 ? 0 : strtol(argv[4], 0, 10);
	sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, 0);
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
	fprintf(report, "\n%ld\n", failed);
	fclose(report);
	return status;
}
