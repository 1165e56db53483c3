#include "early.h"

#include "signals.h"

#include <linux/signal.h>

#define RESERVED_FIRST 32 /* the first real-time signals, which glibc and Bun use */
#define RESERVED_LAST 34
#define HANDLER_IGNORE 1 /* SIG_IGN */

static int record_fd = -1;

static void record(int sig)
{
	unsigned char byte = (unsigned char)sig;

	sys3(__NR_write, record_fd, &byte, 1);
}

#if defined(__x86_64__)
/* On x86-64 the program has to provide the code that returns from a handler. */
void brun_restore(void);
__asm__(".globl brun_restore\n"
	".hidden brun_restore\n"
	".type brun_restore,@function\n"
	"brun_restore:\n"
	"\tmov $15, %eax\n"
	"\tsyscall\n");
#endif

/*
 * Signals that are never caught: those for faults of the process itself, and those without a
 * meaning for a container.
 */
static int left_alone(int sig, int which)
{
	switch (sig) {
	case SIGCONT:
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
		return which != CATCH_ALL;
	case SIGWINCH:
		return which != CATCH_ATTACHED;
	case SIGKILL:
	case SIGSTOP:
	case SIGCHLD:
	case SIGPIPE:
	case SIGURG:
	case SIGSEGV:
	case SIGBUS:
	case SIGFPE:
	case SIGILL:
	case SIGTRAP:
	case SIGABRT:
	case SIGSYS:
		return 1;
	default:
		return sig >= RESERVED_FIRST && sig <= RESERVED_LAST;
	}
}

/*
 * Whether a handler stays. Ignored signals stay ignored, as nohup needs it, and Bun keeps those that it handles. But
 * where stdio is a terminal it catches SIGINT and SIGTERM to restore the terminal's mode, and dies of them.
 */
static int stays(const struct kernel_sigaction *action, int sig)
{
	if (action->handler == 0)
		return 0;
	return action->handler == HANDLER_IGNORE || (sig != SIGINT && sig != SIGTERM);
}

/* Restores the default action of signals that were caught. */
static long release_signals(void)
{
	struct kernel_sigaction action;
	uint64_t none = 0;

	for (int sig = 1; sig <= 64; sig++) {
		if (sys4(__NR_rt_sigaction, sig, 0, &action, sizeof(none)) < 0 ||
		    action.handler != (uint64_t)(uintptr_t)record)
			continue;
		zero(&action, sizeof(action));
		sys4(__NR_rt_sigaction, sig, &action, 0, sizeof(none));
	}
	return sys4(__NR_rt_sigprocmask, SIG_SETMASK, &none, 0, sizeof(none));
}

long catch_signals(int fd, int which)
{
	uint64_t all = ~0ULL;

	if (fd < 0)
		return release_signals();
	record_fd = fd;
	for (int sig = 1; sig <= 64; sig++) {
		struct kernel_sigaction action;

		if (left_alone(sig, which))
			continue;
		zero(&action, sizeof(action));
		if (sys4(__NR_rt_sigaction, sig, 0, &action, sizeof(all)) < 0 || stays(&action, sig))
			continue;
		action.handler = (uint64_t)(uintptr_t)record;
		action.flags = SA_RESTART | SA_ONSTACK;
		action.mask = all;
#if defined(__x86_64__)
		action.flags |= SA_RESTORER;
		action.restorer = (uint64_t)(uintptr_t)brun_restore;
#endif
		sys4(__NR_rt_sigaction, sig, &action, 0, sizeof(all));
	}
	return which == CATCH_ALL ? sys4(__NR_rt_sigprocmask, SIG_SETMASK, &all, 0, sizeof(all)) : 0;
}

BRUN_EXPORT long brun_catch_signals(int fd, int which);
BRUN_EXPORT long brun_catch_signals(int fd, int which)
{
	return catch_signals(fd, which);
}
