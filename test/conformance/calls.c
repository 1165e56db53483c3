/*
 * What becomes of each system call here: a process for each makes it with arguments that it can do nothing with.
 *   usage: calls LAST      prints "NUMBER RESULT" for 0 to LAST: an errno's number, "done", "signal N" or "waits"
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAITS 200

/* Shared with the child, which writes its errno into it, negative for none. */
static volatile int *result;

static void call(long number)
{
	long value;

	if (number == SYS_vfork || number == SYS_fork || number == SYS_clone) {
		/* A second child would print, too; these do no harm, so only whether they are refused counts. */
		value = syscall(number, number == SYS_clone ? SIGCHLD : 0, 0, 0, 0, 0, 0);
		if (value == 0)
			_exit(0);
	} else {
		value = syscall(number, -1L, -1L, -1L, -1L, -1L, -1L);
	}
	*result = value < 0 ? errno : -1;
}

static void look(long number)
{
	int status = 0;
	pid_t pid;

	*result = -2;
	pid = fork();
	if (pid < 0)
		exit(3);
	if (pid == 0) {
		struct itimerval_like {
			long a, b, c, d;
		} quarter = {0, 0, 0, WAITS * 1000};

		syscall(SYS_setitimer, 0, &quarter, 0);
		call(number);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		printf("%ld waits\n", number);
	else if (WIFSIGNALED(status))
		printf("%ld signal %d\n", number, WTERMSIG(status));
	else if (*result >= 0)
		printf("%ld %d\n", number, *result);
	else
		printf("%ld done\n", number);
}

int main(int argc, char **argv)
{
	long last = argc > 1 ? strtol(argv[1], 0, 10) : 0;

	result = mmap(0, sizeof(*result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (result == MAP_FAILED)
		return 2;
	for (long number = 0; number <= last; number++) {
#ifdef SYS_sync
		/* It takes as long as the disks need. */
		if (number == SYS_sync)
			continue;
#endif
		look(number);
	}
	return 0;
}
