#include "signals.h"

#include <linux/signal.h>

#if defined(__x86_64__)
#define RESTORER SA_RESTORER /* the kernel asks for one, also for a handler that does not return */
#else
#define RESTORER 0
#endif

__attribute__((noreturn)) static void die(int sig)
{
	sys_exit(128 + sig);
}

void die_of_signals(void)
{
	static const unsigned char deadly[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM};
	struct kernel_sigaction action;

	zero(&action, sizeof(action));
	action.handler = (uint64_t)(uintptr_t)die;
	action.flags = RESTORER;
	action.restorer = action.handler;
	for (unsigned int i = 0; i < ARRAY_LENGTH(deadly); i++)
		sys4(__NR_rt_sigaction, deadly[i], &action, 0, sizeof(action.mask));
}
