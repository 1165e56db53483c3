#include "pid-file.h"

#include "files.h"
#include "../text.h"

#include <linux/fcntl.h>

#define DIGITS 20

static long write_new(const char *path, const char *text, size_t length)
{
	long fd = sys4(__NR_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		       0644);
	long result;

	if (fd < 0)
		return fd;
	result = file_write_all(fd, text, length);
	sys1(__NR_close, fd);
	return result;
}

long pid_file_write(const char *path, long pid)
{
	char temporary[PATH_SIZE];
	char digits[DIGITS];
	long length = path_append(temporary, 0, path, text_length(path));
	long result;

	length = path_append(temporary, length, ".", 1);
	length = path_append(temporary, length, digits, text_decimal(digits, (uint64_t)sys0(__NR_getpid)));
	length = path_append(temporary, length, ".tmp", 4);
	if (length < 0)
		return length;
	result = write_new(temporary, digits, text_decimal(digits, (uint64_t)pid));
	if (result == 0)
		result = sys5(__NR_renameat2, AT_FDCWD, temporary, AT_FDCWD, path, 0);
	if (result < 0)
		sys3(__NR_unlinkat, AT_FDCWD, temporary, 0);
	return result;
}
