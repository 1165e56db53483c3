#include "kernel.h"

#include "../copy.h"
#include "../spawn.h"

#include <string.h>

/* A tape is finite, and so is every loop of the stage that waits for something else than EINTR. */
#define CALLS_MAX 100000
#define STACK_MAX 1000000

jmp_buf fuzz_exit;

static const unsigned char *next;
static size_t left;
static unsigned int calls;

void fuzz_tape(const unsigned char *tape, size_t size)
{
	next = tape;
	left = size;
	calls = 0;
}

size_t fuzz_take(void *to, size_t size)
{
	if (size > left)
		size = left;
	if (size > 0)
		memcpy(to, next, size);
	next += size;
	left -= size;
	return size;
}

long fuzz_answer(void)
{
	static const short errors[] = {ENOENT, EEXIST, EINVAL, EPERM,  EACCES, ENOTDIR,
				       ELOOP,  EBUSY,  ENOSYS, EAGAIN, EINTR,  ENOMEM};
	unsigned char byte = 0;

	fuzz_take(&byte, 1);
	if (byte < 128)
		return byte;
	return -errors[(size_t)byte % ARRAY_LENGTH(errors)];
}

/*
 * Fills a buffer that the real kernel would write to; all of it is touched, so that its size is checked. Only the
 * stage's own buffers, which are on the stack: what a program points to is the real kernel's to check.
 */
static long fill(long buffer, long size)
{
	unsigned char length = 0;
	size_t wanted;

	if (size <= 0 || (uintptr_t)buffer - (uintptr_t)&length > STACK_MAX)
		return -EFAULT;
	fuzz_take(&length, 1);
	wanted = length == 255 ? (size_t)size : (size_t)length;
	memset((void *)buffer, 'x', (size_t)size);
	return (long)fuzz_take((void *)buffer, wanted < (size_t)size ? wanted : (size_t)size);
}

long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	(void)a;
	(void)e;
	(void)f;
	if (nr == __NR_exit_group || ++calls > CALLS_MAX)
		longjmp(fuzz_exit, 1);
	switch (nr) {
	case __NR_recvfrom:
		return fill(b, c);
	case __NR_readlinkat:
		return fill(c, d);
	default:
		return fuzz_answer();
	}
}

long spawn(struct spawn_request *request)
{
	long pid = fuzz_answer();

	request->error = 0;
	request->pidfd = pid > 0 ? 9 : -1;
	return pid;
}

long copy_directory(int from, int to, int contents)
{
	(void)from;
	(void)to;
	(void)contents;
	return fuzz_answer();
}
