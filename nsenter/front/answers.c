#include "answers.h"

#include "../text.h"
#include "entries.h"
#include "environment.h"
#include "files.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <linux/fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <linux/termios.h>

#define MAY_READ 4U  /* R_OK */
#define MAY_WRITE 2U /* W_OK */

int is_answer(const struct question *question, const void *now, size_t size)
{
	const unsigned char *bytes = now;

	if (!question->answer || question->size != size)
		return 0;
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != question->answer[i])
			return 0;
	return 1;
}

/* What has been asked about one path: with symbolic links followed, and about what has the path itself. */
static struct {
	const char *path;
	struct {
		int known;
		long result;
		struct statx status;
	} by[2];
} seen;

void question_forget(void)
{
	seen.path = 0;
}

static void look(unsigned int nofollow)
{
	int flags = nofollow ? AT_SYMLINK_NOFOLLOW : 0;

	seen.by[nofollow].known = 1;
	if (!nofollow && seen.by[1].known &&
	    (seen.by[1].result < 0 || (seen.by[1].status.stx_mode & S_IFMT) != S_IFLNK)) {
		copy(&seen.by[0], &seen.by[1], sizeof(seen.by[0]));
		return;
	}
	zero(&seen.by[nofollow].status, sizeof(seen.by[nofollow].status));
	seen.by[nofollow].result = sys5(__NR_statx, AT_FDCWD, seen.path, flags, STATX_BASIC_STATS,
					&seen.by[nofollow].status);
}

long question_look(const struct question *question, const struct statx **status)
{
	unsigned int nofollow = question->detail != 0;

	if (!seen.path || !text_equal(seen.path, question->about)) {
		seen.path = question->about;
		seen.by[0].known = seen.by[1].known = 0;
	}
	if (!seen.by[nofollow].known)
		look(nofollow);
	*status = &seen.by[nofollow].status;
	return seen.by[nofollow].result;
}

long question_stamp(const struct question *question, struct stamp *stamp)
{
	const struct statx *status;
	long result = question_look(question, &status);

	zero(stamp, sizeof(*stamp));
	stamp->inode = status->stx_ino;
	stamp->size = status->stx_size;
	stamp->changed = status->stx_ctime.tv_sec;
	stamp->modified = status->stx_mtime.tv_sec;
	stamp->changed_nanoseconds = status->stx_ctime.tv_nsec;
	stamp->modified_nanoseconds = status->stx_mtime.tv_nsec;
	stamp->device_major = status->stx_dev_major;
	stamp->device_minor = status->stx_dev_minor;
	stamp->uid = status->stx_uid;
	stamp->gid = status->stx_gid;
	stamp->mode = status->stx_mode;
	return result;
}

int same_rights(const struct question *question)
{
	uint32_t rights;

	if (!question->answer || question->size != sizeof(rights))
		return 0;
	copy(&rights, question->answer, sizeof(rights));
	if (rights != 0 && question_access(AT_FDCWD, question->about, rights) != 0)
		return 0;
	for (uint32_t right = 1; right <= MAY_READ; right <<= 1)
		if ((rights & right) == 0 && question_access(AT_FDCWD, question->about, right) == 0)
			return 0;
	return 1;
}

long question_access(long directory, const char *path, uint32_t right)
{
	long result = sys4(__NR_faccessat2, directory, path, right, AT_EACCESS);

	if (result == -ENOSYS || result == -EPERM)
		result = sys3(__NR_faccessat, directory, path, right);
	return result;
}

int same_status(const struct question *question)
{
	const struct statx *status;
	struct status now;

	if (question_look(question, &status) < 0)
		return 0;
	now = (struct status){status->stx_mode, status->stx_uid, status->stx_gid, status->stx_rdev_major,
			      status->stx_rdev_minor};
	return is_answer(question, &now, sizeof(now));
}

int same_identity(const struct question *question)
{
	const struct statx *status;
	struct identity now;

	if (question_look(question, &status) < 0)
		return 0;
	now = (struct identity){status->stx_ino, status->stx_dev_major, status->stx_dev_minor};
	return is_answer(question, &now, sizeof(now));
}

/* The second text in the subject of a question. */
static const char *second_text(const struct question *question)
{
	size_t first = text_length(question->about) + 1;

	return first < question->about_size ? question->about + first : 0;
}

static long open_in_root(const struct question *question, uint64_t flags)
{
	struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	const char *path = second_text(question);
	long root;
	long fd;

	if (!path)
		return -EINVAL;
	root = sys4(__NR_openat, AT_FDCWD, question->about, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (root < 0)
		return root;
	fd = sys4(__NR_openat2, root, path, &how, sizeof(how));
	sys1(__NR_close, root);
	return fd;
}

/* Like textInRoot() of src/sys/in-root.ts. */
int same_file_in_root(const struct question *question)
{
	long fd = open_in_root(question, O_RDONLY | O_NONBLOCK);
	struct statx status;
	int same = !question->answer;

	if (fd < 0)
		return same;
	zero(&status, sizeof(status));
	if (sys5(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status) == 0 &&
	    (status.stx_mode & S_IFMT) == S_IFREG && status.stx_size <= ROOT_TEXT_MAX)
		same = question->answer && file_holds_at(fd, question->answer, question->size);
	sys1(__NR_close, fd);
	return same;
}

int same_existence_in_root(const struct question *question)
{
	long fd = open_in_root(question, O_PATH);
	uint32_t now = fd >= 0;

	if (fd >= 0)
		sys1(__NR_close, fd);
	return is_answer(question, &now, sizeof(now));
}

/* umask(2) returns the umask only when it changes it. */
int same_mask(const struct question *question)
{
	uint32_t now = (uint32_t)sys1(__NR_umask, 077);

	sys1(__NR_umask, now);
	return is_answer(question, &now, sizeof(now));
}

int is_terminal(unsigned int fd)
{
	struct winsize size;

	return sys3(__NR_ioctl, fd, TIOCGWINSZ, &size) == 0;
}

int is_in_background(void)
{
	int32_t group;

	return sys3(__NR_ioctl, 0, TIOCGPGRP, &group) >= 0 && group != (int32_t)sys1(__NR_getpgid, 0);
}

/* Whether the caller may write to a file that another user owns. */
static int is_shared(int directory, const char *name, const struct shared *own)
{
	struct statx status;

	zero(&status, sizeof(status));
	if (sys5(__NR_statx, directory, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status) < 0 ||
	    (status.stx_mode & S_IFMT) == S_IFLNK)
		return 0;
	if (status.stx_uid == own->uid && status.stx_gid == own->gid)
		return 0;
	return question_access(directory, name, MAY_WRITE) == 0;
}

static uint32_t has_shared(struct listing *listing, const struct shared *own)
{
	for (unsigned int i = 0; i < SHARED_SAMPLE; i++) {
		const char *name = listing_next(listing);

		if (!name)
			return 0;
		if (is_shared(listing->directory, name, own))
			return 1;
	}
	return 0;
}

/* Like hasSharedEntry() of src/host/ask-files.ts. */
int same_shared(const struct question *question)
{
	struct shared expected;
	struct listing listing;
	uint32_t found = 0;
	long directory;

	if (!question->answer || question->size != sizeof(expected))
		return 0;
	copy(&expected, question->answer, sizeof(expected));
	directory = entries_open(&listing, question->about);
	if (directory >= 0) {
		found = has_shared(&listing, &expected);
		sys1(__NR_close, directory);
	}
	return found == expected.found;
}

/* Whether the answer is a list of texts, which may be empty. */
static int has_texts(const struct question *question)
{
	return question->answer && (question->size == 0 || question->answer[question->size - 1] == 0);
}

static int is_known(const struct question *question, const char *name)
{
	for (size_t at = 0; at < question->size; at += text_length((const char *)question->answer + at) + 1)
		if (text_equal((const char *)question->answer + at, name))
			return 1;
	return 0;
}

static size_t count_texts(const struct question *question)
{
	size_t count = 0;

	for (size_t i = 0; i < question->size; i++)
		count += question->answer[i] == 0;
	return count;
}

static int is_asked_for(const struct question *question, const char *name)
{
	size_t at = text_length(question->about) + 1;

	for (; at < question->about_size; at += text_length(question->about + at) + 1)
		if (entry_matches(name, question->about + at))
			return 1;
	return 0;
}

/* Whether the matching names are exactly those of the answer. */
static int has_same_names(const struct question *question, struct listing *listing)
{
	size_t found = 0;
	const char *name;

	while ((name = listing_next(listing))) {
		if (!is_asked_for(question, name))
			continue;
		if (!is_known(question, name))
			return 0;
		found++;
	}
	return listing->size == 0 && found == count_texts(question);
}

/* The directory has the stamp that it had before it was listed. */
static int is_unchanged(const struct question *question)
{
	struct stamp stamp;
	struct question first = *question;

	first.size = sizeof(stamp);
	return question_stamp(question, &stamp) == 0 && is_answer(&first, &stamp, sizeof(stamp));
}

int same_names(const struct question *question)
{
	struct question names = *question;
	struct listing listing;
	long directory;
	int same;

	if (question->answer) {
		if (question->size < sizeof(struct stamp))
			return 0;
		if (is_unchanged(question))
			return 1;
		names.answer += sizeof(struct stamp);
		names.size -= sizeof(struct stamp);
	}
	directory = entries_open(&listing, question->about);
	if (directory < 0)
		return !question->answer;
	same = has_texts(&names) && has_same_names(&names, &listing);
	sys1(__NR_close, directory);
	return same;
}

int same_environment(const struct question *question, const char *const *envp)
{
	return question->answer &&
	       environment_is_notable(envp, (const char *)question->answer, question->size);
}
