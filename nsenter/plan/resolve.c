#include "resolve.h"

#include "../text.h"

#include <linux/fcntl.h>
#include <linux/magic.h>
#include <linux/stat.h>

#define LINKS_MAX 40
#define STEPS_MAX 64
#define STATFS_WORDS 16
#define REST_SIZE ((size_t)2 * PATH_SIZE)
#define TYPE_MASK 0170000 /* S_IFMT, S_IFLNK and S_IFDIR; <linux/stat.h> does not define them beside glibc */
#define TYPE_LINK 0120000
#define TYPE_DIRECTORY 0040000
#define ENTER (O_PATH | O_NOFOLLOW | O_CLOEXEC)

struct walk {
	uint64_t flags;
	uint64_t mode;
	uint64_t resolve;
	int steps[STEPS_MAX]; /* descriptors from the root to the present directory */
	unsigned int depth;   /* the number of these */
	unsigned int links;
	int absolute; /* the path begins at "/" */
	struct statx begin;
	char rest[REST_SIZE]; /* the rest of the path */
	const char *next;     /* the present position in it */
};

static long look(int fd, struct statx *status)
{
	zero(status, sizeof(*status));
	return sys5(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MNT_ID, status);
}

static uint32_t type_of(const struct statx *status)
{
	return status->stx_mode & TYPE_MASK;
}

/* Whether a file is on another mount. Linux before 5.8 tells only whether it is on another device. */
static int has_left(const struct walk *walk, const struct statx *status)
{
	if (walk->begin.stx_mask & status->stx_mask & STATX_MNT_ID)
		return walk->begin.stx_mnt_id != status->stx_mnt_id;
	return walk->begin.stx_dev_major != status->stx_dev_major ||
	       walk->begin.stx_dev_minor != status->stx_dev_minor;
}

static void go_back_to(struct walk *walk, unsigned int depth)
{
	while (walk->depth > depth)
		sys1(__NR_close, walk->steps[--walk->depth]);
}

static int here(const struct walk *walk)
{
	return walk->steps[walk->depth - 1];
}

/* Owns the descriptor, and closes it on failure. */
static long step_into(struct walk *walk, long fd)
{
	if (walk->depth == STEPS_MAX) {
		sys1(__NR_close, fd);
		return -ENAMETOOLONG;
	}
	walk->steps[walk->depth++] = (int)fd;
	return 0;
}

/* For a path without a root: goes to a directory outside of those that it has come through. */
static long jump(struct walk *walk, int directory, const char *path)
{
	struct statx status;
	long fd = sys4(__NR_openat, directory, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	long result;

	if (fd < 0)
		return fd;
	go_back_to(walk, 0);
	result = step_into(walk, fd);
	if (result == 0)
		result = look((int)fd, &status);
	return result == 0 && (walk->resolve & RESOLVE_NO_XDEV) && has_left(walk, &status) ? -EXDEV : result;
}

static long step_up(struct walk *walk)
{
	if (walk->depth > 1) {
		go_back_to(walk, walk->depth - 1);
		return 0;
	}
	if (walk->resolve & RESOLVE_IN_ROOT)
		return 0;
	if (walk->resolve & RESOLVE_BENEATH)
		return -EXDEV;
	return jump(walk, here(walk), "..");
}

/* For an absolute path in a link. */
static long step_to_root(struct walk *walk)
{
	if (walk->resolve & RESOLVE_BENEATH)
		return -EXDEV;
	/* Like openat2(2), which does not check where "/" is unless the path began there. */
	if ((walk->resolve & (RESOLVE_IN_ROOT | RESOLVE_NO_XDEV)) == RESOLVE_NO_XDEV && !walk->absolute)
		return -EXDEV;
	if ((walk->resolve & RESOLVE_IN_ROOT) == 0)
		return jump(walk, AT_FDCWD, "/");
	go_back_to(walk, 1);
	return 0;
}

/*
 * Whether a link of procfs leads to a file that a process has open. The text of such a link
 * is absolute, or no path.
 */
static int is_magic(int link, const char *target)
{
	uint64_t statfs[STATFS_WORDS];

	zero(statfs, sizeof(statfs));
	if (sys2(__NR_fstatfs, link, statfs) < 0 || statfs[0] != PROC_SUPER_MAGIC)
		return 0;
	if (target[0] == '/')
		return 1;
	for (; *target != 0; target++)
		if (*target == ':')
			return 1;
	return 0;
}

/* Puts the target of a link before the rest of the path. */
static long follow(struct walk *walk, int link)
{
	char target[PATH_SIZE];
	size_t rest = text_length(walk->next);
	long size = sys4(__NR_readlinkat, link, "", target, sizeof(target) - 1);

	if (size < 0)
		return size;
	target[size] = 0;
	if (is_magic(link, target))
		return walk->resolve & RESOLVE_NO_MAGICLINKS ? -ELOOP : -EXDEV;
	if ((size_t)size + rest + 1 > REST_SIZE)
		return -ENAMETOOLONG;
	/* The rest is copied from its end, since the ranges may overlap. It is empty or begins with a slash. */
	for (size_t i = rest + 1; i-- > 0;)
		walk->rest[REST_SIZE - 1 - rest + i] = walk->next[i];
	copy(walk->rest + REST_SIZE - 1 - rest - (size_t)size, target, (size_t)size);
	walk->next = walk->rest + REST_SIZE - 1 - rest - (size_t)size;
	return target[0] == '/' ? step_to_root(walk) : 0;
}

/* Opens the last component, which is no symbolic link, by its name. */
static long open_last(const struct walk *walk, const char *name)
{
	return sys4(__NR_openat, here(walk), name, walk->flags | O_NOFOLLOW | O_CLOEXEC, walk->mode);
}

/*
 * Handles one component. Returns 0 to go on, or -errno. For a last component that is not to be entered, it returns
 * the requested descriptor.
 */
static long step(struct walk *walk, const char *name, int last, int is_directory)
{
	struct statx status;
	long fd = sys4(__NR_openat, here(walk), name, ENTER, 0);
	long result;

	if (fd == -ENOENT && last && (walk->flags & O_CREAT))
		return open_last(walk, name);
	if (fd < 0)
		return fd;
	result = look((int)fd, &status);
	if (result == 0 && (walk->resolve & RESOLVE_NO_XDEV) && has_left(walk, &status))
		result = -EXDEV;
	if (result == 0 && type_of(&status) == TYPE_LINK) {
		if (last && !is_directory && (walk->flags & O_NOFOLLOW))
			return walk->flags & O_PATH ? fd : (sys1(__NR_close, fd), -ELOOP);
		if ((walk->resolve & RESOLVE_NO_SYMLINKS) || walk->links++ == LINKS_MAX)
			result = -ELOOP;
		else
			result = follow(walk, (int)fd);
		sys1(__NR_close, fd);
		return result;
	}
	if (result == 0 && type_of(&status) != TYPE_DIRECTORY && (!last || is_directory))
		result = -ENOTDIR;
	if (result < 0 || (last && (walk->flags & O_PATH) == 0 && type_of(&status) != TYPE_DIRECTORY)) {
		sys1(__NR_close, fd);
		return result < 0 ? result : open_last(walk, name);
	}
	return step_into(walk, fd);
}

/* Opens the directory, or with O_PATH the file, at the end of the path. */
static long arrive(struct walk *walk)
{
	struct statx status;
	long result;

	if ((walk->flags & O_PATH) == 0)
		return sys4(__NR_openat, here(walk), ".", walk->flags | O_CLOEXEC, 0);
	result = look(here(walk), &status);
	if (result == 0 && (walk->flags & O_DIRECTORY) && type_of(&status) != TYPE_DIRECTORY)
		result = -ENOTDIR;
	return result < 0 ? result : walk->steps[--walk->depth];
}

static long go(struct walk *walk)
{
	char name[PATH_SIZE];

	for (;;) {
		size_t length = 0;
		const char *end;
		long result;

		while (*walk->next == '/')
			walk->next++;
		if (*walk->next == 0)
			return arrive(walk);
		while (walk->next[length] != 0 && walk->next[length] != '/')
			length++;
		if (length >= sizeof(name))
			return -ENAMETOOLONG;
		copy(name, walk->next, length);
		name[length] = 0;
		walk->next += length;
		for (end = walk->next; *end == '/';)
			end++;
		if (text_equal(name, "."))
			continue;
		result = text_equal(name, "..") ? step_up(walk)
						: step(walk, name, *end == 0, *walk->next == '/');
		if (result != 0)
			return result;
	}
}

/* Opens the start of the path. */
static long begin(struct walk *walk, int directory, const char *path)
{
	long fd;

	walk->absolute = path[0] == '/' && (walk->resolve & RESOLVE_IN_ROOT) == 0;
	if (path[0] == '/' && (walk->resolve & RESOLVE_BENEATH))
		return -EXDEV;
	if (walk->absolute || directory == AT_FDCWD)
		fd = sys4(__NR_openat, AT_FDCWD, walk->absolute ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC,
			  0);
	else
		fd = sys3(__NR_fcntl, directory, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return fd;
	fd = step_into(walk, fd);
	return fd < 0 ? fd : look(here(walk), &walk->begin);
}

static long by_steps(int directory, const char *path, const struct open_how *how)
{
	struct walk walk;
	size_t length = text_length(path);
	long result;

	if (length == 0)
		return -ENOENT;
	if (length >= PATH_SIZE)
		return -ENAMETOOLONG;
	walk.flags = how->flags;
	walk.mode = how->mode;
	walk.resolve = how->resolve;
	walk.depth = walk.links = 0;
	copy(walk.rest, path, length + 1);
	walk.next = walk.rest;
	result = begin(&walk, directory, path);
	if (result == 0)
		result = go(&walk);
	go_back_to(&walk, 0);
	return result;
}

/* Tries the call with invalid arguments, which the kernel itself refuses in another way. */
static int is_refused(void)
{
	long result = sys4(__NR_openat2, -1, 0, 0, 0);

	return result == -ENOSYS || result == -EPERM;
}

long resolve_path(int directory, const char *path, const struct open_how *how)
{
	unsigned int tries = 0;
	long result;

	do {
		result = sys4(__NR_openat2, directory, path, how, sizeof(*how));
	} while (sys_again(__NR_openat2, result, &tries));
	return (result == -ENOSYS || result == -EPERM) && is_refused() ? by_steps(directory, path, how)
								       : result;
}
