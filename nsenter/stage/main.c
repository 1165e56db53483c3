/*
 * nsenter: the stage between brun and a container. It is started from a sealed memfd.
 *
 *   nsenter stage FD      runs the programs from the socket FD, and becomes the container's process by execve
 *   nsenter supervise FD  replaces brun in the foreground: see supervise.c
 */
#include "message.h"
#include "../plan/program.h"
#include "signals.h"
#include "supervise.h"
#include "../text.h"

#include <linux/fcntl.h>
#include <linux/prctl.h>

static struct machine machine;

/* The container's filter may refuse the calls that report to brun. The failure then goes to the program's stderr. */
static void report(const struct failure *failure)
{
	static const char before[] = "brun: the program cannot be executed: errno ";
	static const char after[] = "; the seccomp filter refuses sendmsg, by which brun would say more\n";
	char line[sizeof(before) + 20 + sizeof(after)];
	size_t length = sizeof(before) - 1;
	long result = message_send(machine.sync, PROC_ERROR, failure, sizeof(*failure), machine.said);

	/* If brun has ended, nothing waits for the report. */
	if (result >= 0 || result == -EPIPE || result == -ECONNRESET)
		return;
	copy(line, before, length);
	length += text_decimal(line + length, (uint64_t)failure->error);
	copy(line + length, after, sizeof(after) - 1);
	sys3(__NR_write, 2, line, length + sizeof(after) - 1);
}

__attribute__((noreturn)) static void run_stage(int sync)
{
	struct failure failure;
	struct program program;
	unsigned char *data = 0;

	machine.sync = sync;
	for (failure.program = 0;; failure.program++) {
		long size = message_receive_program(sync, &data);

		if (size == 0)
			sys_exit(0);
		failure.op = 0;
		failure.detail = 0;
		failure.error = (int32_t)-size;
		if (size > 0) {
			failure.error = (int32_t)-program_decode(&program, data, (size_t)size);
			if (failure.error == 0) {
				program_relocate(&program);
				program_run(&machine, &program, &failure);
			}
		}
		if (failure.error != 0) {
			report(&failure);
			sys_exit(1);
		}
		sys2(__NR_munmap, data, size);
	}
}

__attribute__((noreturn, used)) static void start(const long *stack)
{
	const char *const *argv = (const char *const *)(stack + 1);
	int fd;

	if (stack[0] != 3)
		sys_exit(127);
	fd = text_number(argv[2]);
	if (fd < 0)
		sys_exit(127);
	machine_clear(&machine);
	/* A name for ps and top, since the name of the memfd says nothing. */
	if (argv[1][0] == 's' && argv[1][1] == 't') {
		sys2(__NR_prctl, PR_SET_NAME, "brun:[init]");
		sys3(__NR_fcntl, fd, F_SETFD, FD_CLOEXEC);
		die_of_signals();
		run_stage(fd);
	}
	sys2(__NR_prctl, PR_SET_NAME, "brun");
	supervise(&machine, fd);
}

#if defined(__x86_64__)
__asm__(".globl _start\n"
	".hidden _start\n"
	".type _start,@function\n"
	"_start:\n"
	"\txor %ebp, %ebp\n"
	"\tmov %rsp, %rdi\n"
	"\tand $-16, %rsp\n"
	"\tcall start\n"
	"\thlt\n");
#else
__asm__(".globl _start\n"
	".hidden _start\n"
	".type _start,@function\n"
	"_start:\n"
	"\tmov x29, xzr\n"
	"\tmov x0, sp\n"
	"\tbl start\n"
	"\tbrk #0\n");
#endif
