/*
 * Installs a filter and makes one system call, or executes a program, under it.
 *   usage: probe FILTER FLAGS call NR [ARG...]     prints "RESULT ERRNO"
 *          probe FILTER FLAGS notify NR [ARG...]   the same from a child whose notification gets errno 77
 *          probe FILTER FLAGS exec PATH [ARG...]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void on_sigsys(int sig, siginfo_t *info, void *context)
{
	static const char text[] = "SIGSYS\n";

	(void)sig;
	(void)context;
	(void)!write(1, text, sizeof(text) - 1);
	_exit(info->si_syscall > 0 ? 3 : 4);
}

static int install(const char *path, const char *flags)
{
	static struct sock_filter filter[4096];
	struct sock_fprog program = {.filter = filter};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, filter, sizeof(filter));
	long result;

	close(fd);
	if (n <= 0 || n % sizeof(filter[0]) != 0)
		exit(100);
	program.len = (unsigned short)(n / (ssize_t)sizeof(filter[0]));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		exit(101);
	result = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, strtoul(flags, 0, 0), &program);
	if (result < 0) {
		perror("seccomp");
		exit(102);
	}
	return (int)result;
}

static int call(char **argv)
{
	long a[7] = {0};
	long result;

	for (int i = 0; i < 7 && argv[i]; i++)
		a[i] = (long)strtoull(argv[i], 0, 0);
	errno = 0;
	result = syscall(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
	dprintf(1, "%ld %d\n", result, errno);
	return 0;
}

static int answer(int listener, char **argv)
{
	struct seccomp_notif request = {0};
	struct seccomp_notif_resp response = {0};
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(call(argv));
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0)
		return 103;
	response.id = request.id;
	response.error = -77;
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) < 0)
		return 104;
	waitpid(pid, &status, 0);
	return status == 0 ? 0 : 105;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO};
	int listener;

	if (argc < 5)
		return 99;
	if (strcmp(argv[3], "exec") != 0)
		sigaction(SIGSYS, &action, 0);
	listener = install(argv[1], argv[2]);
	if (strcmp(argv[3], "call") == 0)
		return call(argv + 4);
	if (strcmp(argv[3], "notify") == 0)
		return answer(listener, argv + 4);
	execv(argv[4], argv + 4);
	return 106;
}
