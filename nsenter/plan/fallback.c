/* See fallback.h. */
#include "fallback.h"

#include "listing.h"

#include <linux/fcntl.h>
#include <linux/mount.h>

#define DESCRIPTORS_MAX 1073741824 /* the maximum of fs.nr_open */

/* The number of a descriptor from its name; -1 for any other name. */
static int number(const char *name)
{
	int64_t n = 0;

	for (; *name >= '0' && *name <= '9' && n < DESCRIPTORS_MAX; name++)
		n = n * 10 + (*name - '0');
	return *name == 0 && n < DESCRIPTORS_MAX ? (int)n : -1;
}

long mark_close_on_exec(int fds, int first)
{
	unsigned char buffer[2048] __attribute__((aligned(8)));
	struct listing listing = {fds, buffer, sizeof(buffer), 0, 0};
	const char *name;

	while ((name = listing_next(&listing))) {
		int fd = number(name);

		if (fd >= first)
			sys3(__NR_fcntl, fd, F_SETFD, FD_CLOEXEC);
	}
	return listing.size;
}

/* <asm/statfs.h>: fifteen words, of which flags is the eleventh. */
#define STATFS_WORDS 15
#define STATFS_FLAGS 10

/* Flags for which statfs(2) and mount(2) have different bits: ST_RELATIME, ST_NOSYMFOLLOW. */
#define ST_SAME (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME)
#define ST_RELATIME 4096U
#define ST_NOSYMFOLLOW 8192U
#define ATIME ((uint64_t)(MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME))
#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

long remount(int mount, const char *path, uint64_t set, uint64_t clear)
{
	uint64_t statfs[STATFS_WORDS + 1];
	uint64_t flags;
	long result = sys2(__NR_fstatfs, mount, statfs);

	if (result < 0)
		return result;
	flags = statfs[STATFS_FLAGS] & ST_SAME;
	if (statfs[STATFS_FLAGS] & ST_RELATIME)
		flags |= MS_RELATIME;
	if (statfs[STATFS_FLAGS] & ST_NOSYMFOLLOW)
		flags |= MS_NOSYMFOLLOW;
	result = sys5(__NR_mount, 0, path, 0, MS_REMOUNT | MS_BIND | (flags & ~clear) | set, 0);
	if (result == -EPERM)
		result = sys5(__NR_mount, 0, path, 0, MS_REMOUNT | MS_BIND | flags | (set & ~ATIME), 0);
	return result;
}
