#include "entries.h"

#include "../text.h"

#include <linux/fcntl.h>

#define BUFFER_SIZE 32768

/* struct linux_dirent64 of getdents64(2). */
struct entry {
	uint64_t inode;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

long entries_open(const char *path)
{
	return sys4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
}

static int is_own(const char *name)
{
	return text_equal(name, ".") || text_equal(name, "..");
}

long entries_each(long directory, int (*take)(void *, const char *), void *context)
{
	static unsigned char buffer[BUFFER_SIZE] __attribute__((aligned(8)));

	for (;;) {
		long n = sys3(__NR_getdents64, directory, buffer, sizeof(buffer));

		if (n <= 0)
			return n;
		for (long at = 0; at < n;) {
			const struct entry *entry = (const void *)(buffer + at);

			if (!is_own(entry->name) && !take(context, entry->name))
				return 0;
			at += entry->size;
		}
	}
}

/* Greedy matching goes back to the last star alone: what is before it has been found as early as can be. */
int entry_matches(const char *name, const char *pattern)
{
	const char *star = 0;
	const char *from = 0;

	while (*name != 0) {
		if (*pattern == '*') {
			star = ++pattern;
			from = name;
		} else if (*pattern == *name) {
			pattern++;
			name++;
		} else if (star) {
			pattern = star;
			name = ++from;
		} else {
			return 0;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == 0;
}
