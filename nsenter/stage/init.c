#include "init.h"

#include "signals.h"
#include "../sys.h"

#include <asm/ioctls.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/signal.h>
#include <linux/wait.h>

#define FIRST_DESCRIPTOR 3
#define DESCRIPTORS 1024 /* the number that is closed one by one without close_range(2) */

struct capabilities {
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct data[2];
};

/* The exit code for a wait status. */
static int exit_code(int32_t status)
{
	return (status & 0x7f) != 0 ? 128 + (status & 0x7f) : (status >> 8) & 0xff;
}

static int has_stopped(int32_t status)
{
	return (status & 0xff) == 0x7f;
}

static long get_capabilities(struct capabilities *now)
{
	zero(now, sizeof(*now));
	now->header.version = _LINUX_CAPABILITY_VERSION_3;
	return sys2(__NR_capget, &now->header, now->data);
}

/* Drops all capabilities but CAP_KILL, which it needs for signals: root's program may become another user. */
static long drop_capabilities(struct capabilities *now)
{
	for (unsigned int i = 0; i < ARRAY_LENGTH(now->data); i++) {
		now->data[i].permitted &= i == 0 ? 1U << CAP_KILL : 0;
		now->data[i].effective = now->data[i].permitted;
		now->data[i].inheritable = 0;
	}
	return sys2(__NR_capset, &now->header, now->data);
}

static void close_descriptors(void)
{
	if (sys3(__NR_close_range, FIRST_DESCRIPTOR, ~0U, 0) == 0)
		return;
	for (int fd = FIRST_DESCRIPTOR; fd < DESCRIPTORS; fd++)
		sys1(__NR_close, fd);
}

static int told_to_stop; /* SIGTSTP was handed on, and no SIGCONT since */

/*
 * Gives the terminal back to a child that reads or changes it while another group has it, since that group may
 * have ended. A shell would do the same. A child that Ctrl-Z has stopped waits for the supervisor, which stops
 * then, too, and later continues both (typed.h).
 */
static void give_terminal(long child, int sig)
{
	int32_t group = (int32_t)child;
	int32_t session;

	/*
	 * An editor may stop itself without a terminal of its own. No process outside would
	 * notice, so it is continued.
	 */
	if (sig == SIGTSTP && !told_to_stop && sys3(__NR_ioctl, 0, TIOCGSID, &session) < 0)
		sys2(__NR_kill, -child, SIGCONT);
	if ((sig == SIGTTIN || sig == SIGTTOU) && sys3(__NR_ioctl, 0, TIOCSPGRP, &group) == 0)
		sys2(__NR_kill, -child, SIGCONT);
}

/* Reaps ended processes. Does not return if the child has ended. */
static void reap(long child)
{
	for (;;) {
		int32_t status = 0;
		long pid = sys4(__NR_wait4, -1, &status, WNOHANG | WUNTRACED, 0);

		if (pid == -EINTR)
			continue;
		if (pid <= 0)
			return;
		if (pid != child)
			continue;
		if (!has_stopped(status))
			sys_exit(exit_code(status));
		give_terminal(child, status >> 8 & 0xff);
	}
}

/* Signals of a terminal go to the whole process group, as they do from a terminal. Others go to the program. */
static void hand_on(long child, long sig)
{
	if (sig == SIGTSTP || sig == SIGCONT)
		told_to_stop = sig == SIGTSTP;
	switch (sig) {
	case SIGCHLD:
		reap(child);
		break;
	case SIGHUP:
	case SIGINT:
	case SIGQUIT:
	case SIGTSTP:
	case SIGCONT:
	case SIGWINCH:
		sys2(__NR_kill, -child, sig);
		break;
	default:
		sys2(__NR_kill, child, sig);
	}
}

__attribute__((noreturn)) static void stay(long child)
{
	uint64_t all = ~0ULL;

	reap(child);
	for (;;) {
		int32_t status = 0;
		long sig = sys4(__NR_rt_sigtimedwait, &all, 0, 0, sizeof(all));

		if (sig > 0) {
			hand_on(child, sig);
		} else if (sig != -EINTR && sig != -EAGAIN) {
			/* The filter refuses the call, so signals cannot be handed on. */
			long pid = sys4(__NR_wait4, -1, &status, 0, 0);

			if (pid == child || (pid < 0 && pid != -EINTR))
				sys_exit(exit_code(status));
		}
	}
}

/* Runs in the child. */
static void lead_group(const uint64_t *mask)
{
	int32_t pid = (int32_t)sys0(__NR_getpid);

	/* In its own pid namespace it would end with the init anyway. */
	sys2(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL);
	sys2(__NR_setpgid, 0, 0);
	/* All signals are blocked, so SIGTTOU does not stop it. Fails if stdin is no terminal of this session. */
	sys3(__NR_ioctl, 0, TIOCSPGRP, &pid);
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, mask, 0, sizeof(*mask));
}

long become_init(void)
{
	struct kernel_sigaction standard = {0, 0, 0, 0};
	struct capabilities own;
	uint64_t all = ~0ULL;
	uint64_t mask = 0;
	long child;

	/* If SIGCHLD is ignored or wait4 is refused, an init could not learn of its child's end. */
	if (sys4(__NR_wait4, -1, 0, WNOHANG, 0) != -ECHILD || get_capabilities(&own) < 0 ||
	    sys2(__NR_capset, &own.header, own.data) < 0 ||
	    sys4(__NR_rt_sigaction, SIGCHLD, &standard, 0, sizeof(mask)) < 0 ||
	    sys4(__NR_rt_sigprocmask, SIG_SETMASK, &all, &mask, sizeof(all)) < 0)
		return 0;
	child = sys5(__NR_clone, SIGCHLD, 0, 0, 0, 0);
	if (child <= 0) {
		if (child == 0)
			lead_group(&mask);
		else
			sys4(__NR_rt_sigprocmask, SIG_SETMASK, &mask, 0, sizeof(mask));
		return 0;
	}
	sys2(__NR_setpgid, child, child);
	close_descriptors();
	if (drop_capabilities(&own) < 0) {
		static const char line[] =
		    "brun: the container's init cannot drop its capabilities, and ends\n";

		sys3(__NR_write, 2, line, sizeof(line) - 1);
		sys_exit(1);
	}
	/* In a pid namespace that is not its own, no other process would reap these. */
	sys5(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	/* It has no descriptors of the host, so it may be dumpable like any program. exec joins its namespaces. */
	sys5(__NR_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
	stay(child);
}
