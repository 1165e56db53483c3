/*
 * Runs a program on a kernel that lacks system calls, or under a filter that refuses them.
 *   usage: without REFUSAL[,REFUSAL...] PROGRAM [ARGUMENT...]
 * A refusal is NUMBER=ERRNO, or NUMBER/INDEX/MASK/VALUE=ERRNO. The latter refuses only calls whose argument INDEX (0 to 5)
 * has these bits in its lower half.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define REFUSALS_MAX 48
#define PER_REFUSAL 6

static struct sock_filter filter[PER_REFUSAL * REFUSALS_MAX + 1];
static struct sock_fprog program = {0, filter};

static void add(struct sock_filter instruction)
{
	filter[program.len++] = instruction;
}

static unsigned int number(char **at)
{
	unsigned int value = (unsigned int)strtoul(*at, at, 0);

	if (**at)
		++*at;
	return value;
}

int main(int argc, char **argv)
{
	char *at;

	if (argc < 3)
		return 2;
	for (at = argv[1]; *at && program.len < PER_REFUSAL * REFUSALS_MAX;) {
		char *rest;
		unsigned int nr = (unsigned int)strtoul(at, &rest, 0);
		int narrow = *rest == '/';

		at = rest + 1;
		add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
		add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, narrow ? 4 : 1));
		if (narrow) {
			unsigned int index = number(&at);
			unsigned int mask = number(&at);
			unsigned int value = number(&at);

			add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
							 offsetof(struct seccomp_data, args) + 8 * index));
			add((struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
			add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
		}
		add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | number(&at)));
	}
	add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	/* A user needs no_new_privs to install a filter. newuidmap does not work with no_new_privs. */
	if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return 3;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
		perror("seccomp");
		return 3;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
