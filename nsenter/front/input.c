#include "input.h"

#include "../sys.h"
#include "answers.h"

#include <asm/ioctls.h>
#include <linux/fcntl.h>

#define SEEK_CURRENT 1

static long saved = -1;

/* Like isBeingWritten() of src/cli/sandbox-stdin.ts. */
static int is_being_written(void)
{
	int32_t unread = 0;

	return !is_terminal(0) && sys3(__NR_lseek, 0, 0, SEEK_CURRENT) == -ESPIPE &&
	       sys3(__NR_ioctl, 0, FIONREAD, &unread) == 0 && unread > 0;
}

int input_empty(void)
{
	long null;
	long result;

	if (is_being_written())
		return 0;
	null = sys4(__NR_openat, AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC, 0);
	saved = sys3(__NR_fcntl, 0, F_DUPFD_CLOEXEC, 3);
	result = null < 0 || saved < 0 ? -EBADF : sys3(__NR_dup3, null, 0, 0);
	if (null >= 0)
		sys1(__NR_close, null);
	if (result < 0)
		input_restore();
	return result >= 0;
}

int input_restore(void)
{
	if (saved < 0)
		return 0;
	sys3(__NR_dup3, saved, 0, 0);
	sys1(__NR_close, saved);
	saved = -1;
	return 1;
}
