#include "detached.h"

#include "../plan/fallback.h"
#include "../text.h"

#include <linux/fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/signal.h>
#include <linux/stat.h>

#define CONTEXTS_MAX 4
#define TYPE_SIZE 32
#define FD_PATH_SIZE 40
#define STATFS_WORDS 16
#define TYPE_MASK 0170000 /* S_IFMT and the like; <linux/stat.h> does not define them beside glibc */
#define TYPE_DIRECTORY 0040000
#define TYPE_FILE 0100000 /* S_IFREG */
#define ALL_FLAGS 0xffffffffUL

/* A file system under construction. The result of fsopen(2) is only a number for it. */
struct context {
	int fd; /* or 0 */
	int mount;
	char type[TYPE_SIZE];
	char source[PATH_SIZE];
	char data[PATH_SIZE];
	uint64_t flags;
};

static int own_mounts;
static int apart = -1; /* the tmpfs */
static unsigned int count;
static struct context contexts[CONTEXTS_MAX];

void detached_own_mounts(void)
{
	own_mounts = 1;
}

static const char *fd_path(char *path, int64_t fd)
{
	static const char prefix[] = "/proc/self/fd/";

	copy(path, prefix, sizeof(prefix) - 1);
	path[sizeof(prefix) - 1 + text_decimal(path + sizeof(prefix) - 1, (uint64_t)fd)] = 0;
	return path;
}

static int is_on(const char *path, uint64_t magic)
{
	uint64_t statfs[STATFS_WORDS];

	zero(statfs, sizeof(statfs));
	return sys2(__NR_statfs, path, statfs) == 0 && statfs[0] == magic;
}

static long open_apart(void)
{
	static const char place[] = "/proc/driver";
	long result;

	if (apart >= 0)
		return 0;
	if (!is_on(place, PROC_SUPER_MAGIC))
		return -ENOSYS;
	result = sys5(__NR_mount, "tmpfs", place, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		      "mode=700,uid=0,gid=0");
	/* If id 0 is not mapped, this process's id is used. */
	if (result == -EINVAL)
		result = sys5(__NR_mount, "tmpfs", place, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
			      "mode=700");
	if (result == 0)
		result = sys5(__NR_mount, 0, place, 0, MS_PRIVATE, 0);
	if (result == 0)
		result = sys5(__NR_mount, 0, place, 0, MS_UNBINDABLE, 0);
	if (result == 0)
		result = sys4(__NR_openat, AT_FDCWD, place, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (result < 0)
		return result;
	apart = (int)result;
	return 0;
}

static long make(const char *name, int is_directory)
{
	return is_directory ? sys3(__NR_mkdirat, apart, name, 0700)
			    : sys4(__NR_mknodat, apart, name, TYPE_FILE | 0600, 0);
}

/*
 * Makes it in another process as root of the user namespace: in this one the change of ids would cost
 * capabilities (capabilities(7)).
 */
static long make_as_root(const char *name, int is_directory)
{
	int32_t status = -1;
	long pid = sys5(__NR_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid < 0)
		return pid;
	if (pid == 0) {
		sys1(__NR_setfsgid, 0);
		sys1(__NR_setfsuid, 0);
		sys_exit(make(name, is_directory) == 0 ? 0 : 1);
	}
	while (sys4(__NR_wait4, pid, &status, 0, 0) == -EINTR)
		;
	return status == 0 ? 0 : -EOVERFLOW;
}

/* Makes a numbered file or directory to mount on. Returns its descriptor or -errno. */
static long make_place(char *name, int is_directory)
{
	long result = open_apart();

	if (result < 0)
		return result;
	name[text_decimal(name, count++)] = 0;
	result = make(name, is_directory);
	/* This process's ids may not be mapped. Then root of the user namespace has to make it. */
	if (result == -EOVERFLOW)
		result = make_as_root(name, is_directory);
	return result < 0 ? result : sys4(__NR_openat, apart, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
}

/* Calls mount(2) on a new place. Returns a descriptor of the mount, or -errno. */
static long mount_apart(const char *source, int is_directory, const char *type, uint64_t flags,
			const char *data)
{
	char name[21];
	char path[FD_PATH_SIZE];
	long place = make_place(name, is_directory);
	long result;

	if (place < 0)
		return place;
	result = sys5(__NR_mount, source, fd_path(path, place), type, flags, data);
	sys1(__NR_close, place);
	return result < 0 ? result : sys4(__NR_openat, apart, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
}

static long open_tree(int directory, const char *path, uint64_t flags)
{
	char from[FD_PATH_SIZE];
	struct statx status;
	long source;
	long result;

	if (path[0] == 0)
		source = sys3(__NR_fcntl, directory, F_DUPFD_CLOEXEC, 3);
	else
		source = sys4(__NR_openat, directory, path,
			      O_PATH | O_CLOEXEC | (flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0), 0);
	if (source < 0 || (flags & OPEN_TREE_CLONE) == 0)
		return source;
	zero(&status, sizeof(status));
	result = sys5(__NR_statx, source, "", AT_EMPTY_PATH, STATX_TYPE, &status);
	if (result == 0)
		result = mount_apart(fd_path(from, source), (status.stx_mode & TYPE_MASK) == TYPE_DIRECTORY,
				     0, MS_BIND | (flags & AT_RECURSIVE ? MS_REC : 0), 0);
	sys1(__NR_close, source);
	return result;
}

static long move_mount(int64_t from, const char *from_path, int to, const char *to_path, uint64_t flags)
{
	char source[FD_PATH_SIZE];
	char target[FD_PATH_SIZE];
	long place = to;
	long result;

	if ((flags & ~(uint64_t)MOVE_MOUNT_T_EMPTY_PATH) != MOVE_MOUNT_F_EMPTY_PATH || from_path[0] != 0)
		return -ENOSYS;
	if (to_path[0] != 0)
		place = sys4(__NR_openat, to, to_path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	if (place < 0)
		return place;
	result = sys5(__NR_mount, fd_path(source, from), fd_path(target, place), 0, MS_MOVE, 0);
	if (to_path[0] != 0)
		sys1(__NR_close, place);
	return result;
}

static struct context *context_of(int fd)
{
	for (unsigned int i = 0; i < CONTEXTS_MAX; i++)
		if (contexts[i].fd == fd)
			return &contexts[i];
	return 0;
}

static long open_context(const char *type)
{
	struct context *context = context_of(0);
	long fd = open_apart();

	if (fd < 0)
		return fd;
	if (!context || text_length(type) >= TYPE_SIZE)
		return -ENOSYS;
	fd = sys4(__NR_openat, apart, ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	zero(context, sizeof(*context));
	context->fd = (int)fd;
	context->mount = -1;
	copy(context->type, type, text_length(type));
	return fd;
}

static long append(char *to, const char *text)
{
	return path_append(to, (long)text_length(to), text, text_length(text));
}

/* Whether a value has a comma, which would begin another option. Lists of tmpfs are allowed. */
static int has_comma(const char *key, const char *value)
{
	if (text_equal(key, "mpol"))
		return 0;
	for (; *value != 0; value++)
		if (*value == ',')
			return 1;
	return 0;
}

static long set_option(struct context *context, const char *key, const char *value)
{
	long result = 0;

	if (!value && text_equal(key, "ro")) {
		context->flags |= MS_RDONLY;
		return 0;
	}
	if (value && text_equal(key, "source"))
		return append(context->source, value) < 0 ? -ENAMETOOLONG : 0;
	if (value && has_comma(key, value))
		return -EINVAL;
	if (context->data[0] != 0)
		result = append(context->data, ",");
	if (result >= 0)
		result = append(context->data, key);
	if (result >= 0 && value)
		result = append(context->data, "=");
	if (result >= 0 && value)
		result = append(context->data, value);
	return result < 0 ? -ENAMETOOLONG : 0;
}

static long configure(int fd, uint64_t command, const char *key, const char *value)
{
	struct context *context = context_of(fd);
	long result;

	if (!context)
		return -EBADF;
	if (command == FSCONFIG_SET_FLAG)
		return set_option(context, key, 0);
	if (command == FSCONFIG_SET_STRING && value)
		return set_option(context, key, value);
	if (command != FSCONFIG_CMD_CREATE)
		return -ENOSYS;
	result = mount_apart(context->source[0] != 0 ? context->source : context->type, 1, context->type,
			     context->flags, context->data);
	if (result < 0) {
		context->fd = 0;
		return result;
	}
	context->mount = (int)result;
	return 0;
}

/* Converts MOUNT_ATTR_* to MS_*. */
static uint64_t mount_flags(uint64_t attributes)
{
	uint64_t flags = attributes &
			 (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);

	if (attributes & MOUNT_ATTR_NOATIME)
		flags |= MS_NOATIME;
	if (attributes & MOUNT_ATTR_STRICTATIME)
		flags |= MS_STRICTATIME;
	return attributes & MOUNT_ATTR_NODIRATIME ? flags | MS_NODIRATIME : flags;
}

static long take_mount(int fd, uint64_t attributes)
{
	char path[FD_PATH_SIZE];
	struct context *context = context_of(fd);
	long result = 0;

	if (!context || context->mount < 0)
		return -EINVAL;
	if (attributes != 0)
		result = remount(context->mount, fd_path(path, context->mount), mount_flags(attributes), 0);
	if (result == 0)
		result = context->mount;
	else
		sys1(__NR_close, context->mount);
	context->fd = 0;
	return result;
}

/* Tries the calls with invalid arguments, which the kernel itself refuses in another way. */
static int any_is_refused(void)
{
	const long results[] = {
	    sys3(__NR_open_tree, -1, 0, ALL_FLAGS), sys5(__NR_move_mount, -1, 0, -1, 0, ALL_FLAGS),
	    sys2(__NR_fsopen, 0, ALL_FLAGS),        sys5(__NR_fsconfig, -1, 0, 0, 0, 0),
	    sys3(__NR_fsmount, -1, ALL_FLAGS, 0),
	};

	for (unsigned int i = 0; i < ARRAY_LENGTH(results); i++)
		if (results[i] == -ENOSYS || results[i] == -EPERM)
			return 1;
	return 0;
}

int detached_replaces(void)
{
	static int asked;
	static int refused;

	if (!own_mounts)
		return 0;
	if (!asked)
		refused = any_is_refused();
	asked = 1;
	return refused;
}

long detached_call(long nr, const uint64_t *args)
{
	const char *second = (const char *)(uintptr_t)args[1];

	switch (nr) {
	case __NR_open_tree:
		return open_tree((int)args[0], second, args[2]);
	case __NR_move_mount:
		return move_mount((int)args[0], second, (int)args[2], (const char *)(uintptr_t)args[3],
				  args[4]);
	case __NR_fsopen:
		return open_context((const char *)(uintptr_t)args[0]);
	case __NR_fsconfig:
		return configure((int)args[0], args[1], (const char *)(uintptr_t)args[2],
				 (const char *)(uintptr_t)args[3]);
	default:
		return take_mount((int)args[0], args[2]);
	}
}
