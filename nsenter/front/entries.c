#include "entries.h"

#include <linux/fcntl.h>

#define BUFFER_SIZE 32768

long entries_open(struct listing *listing, const char *path)
{
	static unsigned char buffer[BUFFER_SIZE] __attribute__((aligned(8)));
	long directory = sys4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

	*listing = (struct listing){(int)directory, buffer, sizeof(buffer), 0, 0};
	return directory;
}

/*
 * The matching is greedy and goes back only to the last star, which is enough: the part before that star
 * matches as early as possible.
 */
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
