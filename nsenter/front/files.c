#include "files.h"

#include <linux/fcntl.h>
#include <linux/stat.h>

#define OTHERS_WRITE 022
#define CHUNK 4096

long file_own(long fd, uint32_t type, uint64_t max)
{
	struct statx status;
	long result;

	zero(&status, sizeof(status));
	result = sys5(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status);
	if (result < 0)
		return result;
	if ((status.stx_mode & S_IFMT) != type || (status.stx_mode & OTHERS_WRITE) != 0 ||
	    status.stx_uid != (uint32_t)sys0(__NR_geteuid) || status.stx_size > max)
		return -EPERM;
	return (long)status.stx_size;
}

static long read_some(long fd, void *to, size_t size)
{
	long n;

	do {
		n = sys3(__NR_read, fd, to, size);
	} while (n == -EINTR);
	return n;
}

long file_read(long fd, struct bytes *bytes, size_t size)
{
	size_t have = 0;
	long memory = sys_memory(bytes->size);

	if (memory < 0)
		return memory;
	bytes->data = (unsigned char *)(uintptr_t)memory;
	while (have < size) {
		long n = read_some(fd, bytes->data + have, size - have);

		if (n <= 0) {
			file_forget(bytes);
			bytes->data = 0;
			return n < 0 ? n : -EPROTO;
		}
		have += (size_t)n;
	}
	return 0;
}

long file_read_own(long directory, const char *name, uint64_t min, uint64_t max, struct bytes *bytes)
{
	long fd = sys4(__NR_openat, directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
	long result;

	if (fd < 0)
		return fd;
	result = file_own(fd, S_IFREG, max);
	if (result >= 0 && (uint64_t)result < min)
		result = -EPROTO;
	if (result >= 0) {
		bytes->size = (size_t)result;
		result = file_read(fd, bytes, bytes->size);
	}
	sys1(__NR_close, fd);
	return result;
}

void file_forget(const struct bytes *bytes)
{
	sys2(__NR_munmap, bytes->data, bytes->size);
}

long file_write_all(long fd, const void *data, size_t size)
{
	const unsigned char *at = data;

	while (size > 0) {
		long n = sys3(__NR_write, fd, at, size);

		if (n == -EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? n : -EIO;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

int file_holds_at(long fd, const unsigned char *data, size_t size)
{
	unsigned char chunk[CHUNK];
	size_t have = 0;
	long n;

	while ((n = read_some(fd, chunk, sizeof(chunk))) > 0) {
		if ((size_t)n > size - have)
			return 0;
		for (long i = 0; i < n; i++)
			if (chunk[i] != data[have + (size_t)i])
				return 0;
		have += (size_t)n;
	}
	return n == 0 && have == size;
}

int file_holds(const char *path, const unsigned char *data, size_t size)
{
	long fd = sys4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
	int holds;

	if (fd < 0)
		return 0;
	holds = file_holds_at(fd, data, size);
	sys1(__NR_close, fd);
	return holds;
}
