/* See copy.h. */
#include "copy.h"

#include "listing.h"

#include <linux/fcntl.h>
#include <linux/stat.h>

#define DEPTH_MAX 128
#define LINK_MAX 4096
#define CHUNK (1 << 20)
#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* <linux/time_types.h> as the kernel reads it. */
struct time {
	int64_t seconds;
	int64_t nanoseconds;
};

static long copy_contents(int from, int to, int depth);

static long look(int directory, const char *name, int flags, struct statx *found)
{
	return sys5(__NR_statx, directory, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | flags,
		    STATX_BASIC_STATS, found);
}

/* Copies the number of bytes that the file had when it was looked at. A growing file would otherwise never end. */
static long copy_data(int from, int to, const char *name, uint64_t size)
{
	long in = sys4(__NR_openat, from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
	long out;
	long result;

	if (in < 0)
		return in;
	out = sys4(__NR_openat, to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	result = out;
	if (out >= 0) {
		do {
			result = sys4(__NR_sendfile, out, in, 0, size < CHUNK ? size : CHUNK);
			if (result > 0)
				size -= (uint64_t)result;
		} while (result > 0 || result == -EINTR);
		sys1(__NR_close, out);
	}
	sys1(__NR_close, in);
	return result;
}

static long copy_link(int from, int to, const char *name)
{
	char target[LINK_MAX];
	long length = sys4(__NR_readlinkat, from, name, target, sizeof(target) - 1);

	if (length < 0)
		return length;
	target[length] = 0;
	return sys3(__NR_symlinkat, target, to, name);
}

static long copy_subdirectory(int from, int to, const char *name, int depth)
{
	long result = sys3(__NR_mkdirat, to, name, 0700);
	long in;
	long out;

	if (result < 0)
		return result;
	in = sys4(__NR_openat, from, name, OPEN_DIRECTORY, 0);
	if (in < 0)
		return in;
	out = sys4(__NR_openat, to, name, OPEN_DIRECTORY, 0);
	result = out < 0 ? out : copy_contents((int)in, (int)out, depth);
	sys1(__NR_close, in);
	if (out >= 0)
		sys1(__NR_close, out);
	return result;
}

static uint64_t device_number(const struct statx *node)
{
	uint64_t major = node->stx_rdev_major;
	uint64_t minor = node->stx_rdev_minor;

	return (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~0xffULL) << 12;
}

static long copy_node(int from, int to, const char *name, const struct statx *node, int depth)
{
	struct time times[2];
	long result;

	switch (node->stx_mode & S_IFMT) {
	case S_IFDIR:
		result = copy_subdirectory(from, to, name, depth);
		break;
	case S_IFREG:
		result = copy_data(from, to, name, node->stx_size);
		break;
	case S_IFLNK:
		result = copy_link(from, to, name);
		break;
	default:
		result = sys4(__NR_mknodat, to, name, node->stx_mode, device_number(node));
		if (result == -EPERM)
			return 0;
	}
	if (result < 0)
		return result;
	sys5(__NR_fchownat, to, name, node->stx_uid, node->stx_gid, AT_SYMLINK_NOFOLLOW);
	if ((node->stx_mode & S_IFMT) != S_IFLNK)
		sys3(__NR_fchmodat, to, name, node->stx_mode & 07777);
	times[0].seconds = node->stx_atime.tv_sec;
	times[0].nanoseconds = node->stx_atime.tv_nsec;
	times[1].seconds = node->stx_mtime.tv_sec;
	times[1].nanoseconds = node->stx_mtime.tv_nsec;
	sys4(__NR_utimensat, to, name, times, AT_SYMLINK_NOFOLLOW);
	return 0;
}

static long copy_entry(int from, int to, const char *name, int depth)
{
	struct statx node;
	long result = look(from, name, 0, &node);

	return result < 0 ? result : copy_node(from, to, name, &node, depth);
}

static long copy_contents(int from, int to, int depth)
{
	unsigned char buffer[1024] __attribute__((aligned(8)));
	struct listing listing = {from, buffer, sizeof(buffer), 0, 0};
	const char *name;

	if (depth >= DEPTH_MAX)
		return -ELOOP;
	while ((name = listing_next(&listing))) {
		long result = copy_entry(from, to, name, depth + 1);

		if (result < 0)
			return result;
	}
	return listing.size;
}

long copy_directory(int from, int to, int contents)
{
	struct statx directory;
	long out = sys4(__NR_openat, to, ".", OPEN_DIRECTORY, 0);
	long in;
	long result;

	if (out < 0)
		return out;
	if (contents) {
		in = sys4(__NR_openat, from, ".", OPEN_DIRECTORY, 0);
		result = in < 0 ? in : copy_contents((int)in, (int)out, 0);
		if (in >= 0)
			sys1(__NR_close, in);
	} else {
		result = look(from, "", AT_EMPTY_PATH, &directory);
		if (result == 0)
			result = sys2(__NR_fchmod, out, directory.stx_mode & 07777);
	}
	sys1(__NR_close, out);
	return result;
}

long copy_file(int from, int to, const char *name)
{
	struct statx file;
	long result = look(from, name, 0, &file);

	if (result < 0)
		return result;
	if ((file.stx_mode & S_IFMT) != S_IFREG)
		return -ENOENT;
	return file.stx_size > COPY_FILE_MAX ? -EFBIG : copy_node(from, to, name, &file, 0);
}

long write_mode(unsigned char *to, int fd)
{
	struct statx file;
	long result = look(fd, "", AT_EMPTY_PATH, &file);

	if (result < 0)
		return result;
	for (unsigned int i = 0; i < MODE_DIGITS; i++)
		to[i] = (unsigned char)('0' + ((file.stx_mode >> (3 * (MODE_DIGITS - 1 - i))) & 7));
	return 0;
}
