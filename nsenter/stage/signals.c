#include "signals.h"

#include <linux/signal.h>

#if defined(__x86_64__)
#define RESTORER SA_RESTORER /* the kernel requires a restorer, even for a handler that does not return */
#else
#define RESTORER 0
#endif

__attribute__((noreturn)) static void die(int sig)
{
	sys_exit(128 + sig);
}

static const unsigned char deadly[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM};

uint64_t deadly_signals(void)
{
	struct kernel_sigaction action = {0, 0, 0, 0};
	uint64_t mask = 0;

	for (unsigned int i = 0; i < ARRAY_LENGTH(deadly); i++)
		if (sys4(__NR_rt_sigaction, deadly[i], 0, &action, sizeof(action.mask)) == 0 &&
		    action.handler == 0)
			mask |= 1ULL << (deadly[i] - 1U);
	return mask;
}

void die_of_signals(void)
{
	struct kernel_sigaction action;

	zero(&action, sizeof(action));
	action.handler = (uint64_t)(uintptr_t)die;
	action.flags = RESTORER;
	action.restorer = action.handler;
	for (unsigned int i = 0; i < ARRAY_LENGTH(deadly); i++)
		sys4(__NR_rt_sigaction, deadly[i], &action, 0, sizeof(action.mask));
}
