/*
 * Runs a program that may not make memory executable.
 *   usage: no-jit mdwe|filter PROGRAM [ARGUMENT...]
 * By prctl(PR_SET_MDWE), or by a filter such as systemd's MemoryDenyWriteExecute= installs.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif

#define JUMP(test, value, yes, no) BPF_JUMP(BPF_JMP | (test) | BPF_K, value, yes, no)
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)

static int filter(void)
{
	struct sock_filter code[] = {
	    LOAD(nr),
	    JUMP(BPF_JEQ, __NR_mmap, 0, 3),
	    LOAD(args[2]),
	    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, PROT_EXEC | PROT_WRITE),
	    JUMP(BPF_JEQ, PROT_EXEC | PROT_WRITE, 3, 4),
	    JUMP(BPF_JEQ, __NR_mprotect, 0, 3),
	    LOAD(args[2]),
	    JUMP(BPF_JSET, PROT_EXEC, 0, 1),
	    RETURN(SECCOMP_RET_ERRNO | EPERM),
	    RETURN(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	/* A user may install a filter only with no_new_privs. */
	if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	if ((strcmp(argv[1], "mdwe") == 0 ? prctl(PR_SET_MDWE, 1, 0, 0, 0) : filter()) < 0) {
		perror(argv[1]);
		return 3;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
