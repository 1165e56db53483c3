/*
 * Starts a program like vfork. The caller may be Bun with its six threads. The child shares the memory, runs on
 * its own stack, and accesses only its request. The calling thread waits for the execve, unless it asks to go on.
 */
#include "spawn.h"

#include "../plan/resolve.h"
#include "signals.h"
#include "../text.h"

#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/signal.h>

#define STACK_SIZE 16384
#define PATH_PREFIX 14 /* the length of "/proc/self/fd/" */
#define GO_ON_STACK_SIZE 8192
#define SIGNALS 64

uint64_t spawn_open_files;

/* Resets every ignored signal to its default: Bun ignores SIGPIPE and SIGXFSZ, and execve would keep that. */
static void reset_signals(void)
{
	struct kernel_sigaction action;
	uint64_t mask = 0;

	for (int sig = 1; sig <= SIGNALS; sig++) {
		zero(&action, sizeof(action));
		if (sys4(__NR_rt_sigaction, sig, 0, &action, sizeof(mask)) < 0 || action.handler == 0)
			continue;
		action.handler = 0;
		action.flags = 0;
		sys4(__NR_rt_sigaction, sig, &action, 0, sizeof(mask));
	}
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, &mask, 0, sizeof(mask));
}

static long prepare_stdio(const struct spawn_request *request)
{
	int32_t fds[3];

	/* Moves descriptors away from 0 to 2 first, so that one dup does not overwrite the source of the next. */
	for (int i = 0; i < 3; i++) {
		fds[i] = request->stdio[i];
		if (fds[i] >= 0 && fds[i] < 3 && fds[i] != i) {
			long moved = sys3(__NR_fcntl, fds[i], F_DUPFD_CLOEXEC, 3);

			if (moved < 0)
				return moved;
			fds[i] = (int32_t)moved;
		}
	}
	for (int i = 0; i < 3; i++) {
		if (fds[i] < 0 || fds[i] == i)
			continue;
		long result = sys3(__NR_dup3, fds[i], i, 0);

		if (result < 0)
			return result;
	}
	if (request->keep_fd >= 0)
		return sys3(__NR_fcntl, request->keep_fd, F_SETFD, 0);
	return 0;
}

static void restore_open_files(void)
{
	struct {
		uint64_t soft;
		uint64_t hard;
	} limit;

	if (spawn_open_files == 0 || sys4(__NR_prlimit64, 0, LIMIT_OPEN_FILES, 0, &limit) < 0)
		return;
	if (spawn_open_files >= limit.soft)
		return;
	limit.soft = spawn_open_files;
	sys4(__NR_prlimit64, 0, LIMIT_OPEN_FILES, &limit, 0);
}

/* For seccomp filters around brun that refuse execveat. */
static long execute_by_path(const struct spawn_request *request)
{
	char path[PATH_PREFIX + 20 + 1] = "/proc/self/fd/";

	path[PATH_PREFIX + text_decimal(path + PATH_PREFIX, (uint64_t)request->exec_fd)] = 0;
	return sys3(__NR_execve, path, request->argv, request->envp);
}

static long child_steps(const struct spawn_request *request)
{
	static const char empty[] = "";
	long result;

	reset_signals();
	restore_open_files();
	if (request->flags & SPAWN_DIE_TOO)
		sys2(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL);
	if (request->flags & SPAWN_SETSID)
		sys0(__NR_setsid);
	else if (request->flags & SPAWN_SETPGRP)
		sys2(__NR_setpgid, 0, 0);
	result = prepare_stdio(request);
	if (result < 0)
		return result;
	if (request->cwd) {
		result = sys1(__NR_chdir, request->cwd);
		if (result < 0)
			return result;
	}
	if (request->flags & SPAWN_EXEC_FD) {
		result = sys5(__NR_execveat, request->exec_fd, empty, request->argv, request->envp,
			      AT_EMPTY_PATH);
		return result == -ENOSYS || result == -EPERM ? execute_by_path(request) : result;
	}
	return sys3(__NR_execve, request->path, request->argv, request->envp);
}

__attribute__((noreturn, used)) static void child_main(struct spawn_request *request)
{
	request->error = (int32_t)child_steps(request);
	sys_exit(127);
}

/*
 * Clones with a new stack. The child must not return through the parent's frames, so assembly
 * calls child_main(request).
 */
static long clone_child(uint64_t flags, void *stack_top, int32_t *pidfd, struct spawn_request *request)
{
	long result;

#if defined(__x86_64__)
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = 0;
	register struct spawn_request *r12 __asm__("r12") = request;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r12, %%rdi\n\t"
			 "call %P[child]\n\t"
			 "hlt\n"
			 "1:"
			 : "=a"(result)
			 : "a"((long)__NR_clone), "D"(flags), "S"(stack_top), "d"(pidfd), "r"(r10), "r"(r8),
			   "r"(r12), [child] "i"(child_main)
			 : "rcx", "r11", "memory");
#else
	register long x8 __asm__("x8") = __NR_clone;
	register long x0 __asm__("x0") = (long)flags;
	register void *x1 __asm__("x1") = stack_top;
	register int32_t *x2 __asm__("x2") = pidfd;
	register long x3 __asm__("x3") = 0;
	register long x4 __asm__("x4") = 0;
	register struct spawn_request *x19 __asm__("x19") = request;

	__asm__ volatile("svc 0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t"
			 "mov x0, x19\n\t"
			 "bl %[child]\n\t"
			 "brk #0\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x19), [child] "S"(child_main)
			 : "memory", "x30");
	result = x0;
#endif
	return result;
}

/* A stack that nothing else uses, since the caller returns before the child is done with it; or null. */
static unsigned char *lasting_stack(const struct spawn_request *request)
{
	static unsigned char stacks[SPAWN_GO_ON_MAX][GO_ON_STACK_SIZE] __attribute__((aligned(16)));
	static unsigned int used;

	if (!(request->flags & SPAWN_GO_ON) || used == SPAWN_GO_ON_MAX)
		return NULL;
	return stacks[used++] + GO_ON_STACK_SIZE;
}

long spawn(struct spawn_request *request)
{
	unsigned char stack[STACK_SIZE] __attribute__((aligned(16)));
	unsigned char *lasting = lasting_stack(request);
	uint64_t flags = CLONE_VM | CLONE_PIDFD | SIGCHLD | (lasting ? 0 : CLONE_VFORK);
	uint64_t all = ~0ULL;
	uint64_t saved = 0;
	int32_t pidfd = -1;
	long pid;

	/* The child shares the caller's memory, so none of the caller's signal handlers may run in it. */
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, &all, &saved, sizeof(all));
	request->error = 0;
	pid = clone_child(flags, lasting ? lasting : stack + STACK_SIZE, &pidfd, request);
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, &saved, 0, sizeof(saved));
	request->pidfd = pidfd;
	if (pid > 0 && !(request->flags & SPAWN_GO_ON) && request->error < 0) {
		sys4(__NR_wait4, pid, 0, 0, 0);
		if (pidfd >= 0)
			sys1(__NR_close, pidfd);
		request->pidfd = -1;
		return request->error;
	}
	return pid;
}

BRUN_EXPORT long brun_spawn(struct spawn_request *request);
BRUN_EXPORT long brun_spawn(struct spawn_request *request)
{
	return spawn(request);
}

BRUN_EXPORT long brun_syscall(long nr, long a, long b, long c, long d, long e, long f);
BRUN_EXPORT long brun_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	/* A call with another size only asks whether the call exists. */
	if (nr == __NR_openat2 && d == sizeof(struct open_how))
		return resolve_path((int)a, (const char *)b, (const struct open_how *)c);
	return sys6(nr, a, b, c, d, e, f);
}
