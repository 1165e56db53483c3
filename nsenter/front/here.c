/* Answers to questions about the current directory: Here of src/host/ask-caller.ts. */
#include "answers.h"

#include "../text.h"

#include <linux/fcntl.h>
#include <linux/stat.h>

/* Whether the path of the current directory is that of a directory, or below it. *path: that path. */
static int is_inside(const char *directory, int itself, char path[PATH_SIZE])
{
	const char *rest;

	/* The path of an unreachable directory begins with "(". */
	if (sys2(__NR_getcwd, path, PATH_SIZE) < 0)
		return 0;
	rest = text_after(path, directory);
	if (itself || (rest && *rest == 0))
		return rest && *rest == 0;
	return text_equal(directory, "/") || (rest && *rest == '/');
}

int same_place(const struct question *question)
{
	char path[PATH_SIZE];
	uint32_t now = (uint32_t)is_inside(question->about, question->detail != 0, path);

	return is_answer(question, &now, sizeof(now));
}

/* Like isOwnWay() of src/host/ask-caller.ts. */
static uint32_t is_own_way(const char *from, char *path, const struct shared *own)
{
	size_t least = text_length(from);

	for (size_t length = text_length(path); length > least;) {
		struct statx status;

		zero(&status, sizeof(status));
		if (sys5(__NR_statx, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status) < 0 ||
		    (status.stx_mode & S_IFMT) != S_IFDIR || status.stx_uid != own->uid ||
		    status.stx_gid != own->gid)
			return 0;
		while (length > 0 && path[--length] != '/')
			;
		path[length] = 0;
	}
	return 1;
}

int same_way(const struct question *question)
{
	char path[PATH_SIZE];
	struct shared expected;

	if (!question->answer || question->size != sizeof(expected))
		return 0;
	copy(&expected, question->answer, sizeof(expected));
	return expected.found == (uint32_t)(is_inside(question->about, 0, path) &&
					    is_own_way(question->about, path, &expected));
}
