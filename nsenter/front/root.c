#include "root.h"

#include "command.h"
#include "environment.h"

#include <linux/fcntl.h>
#include <linux/stat.h>

/* Whether a component of a path is empty, "." or "..". */
static int is_special(const char *component)
{
	if (component[0] == '.')
		component++;
	if (component[0] == '.')
		component++;
	return component[0] == '/' || component[0] == 0;
}

int path_is_clean(const char *path)
{
	if (path[0] != '/')
		return 0;
	for (; *path != 0; path++)
		if (path[0] == '/' && is_special(path + 1))
			return 0;
	return 1;
}

/* Whether the caller is in the first user namespace. Others map ids, and deny actions that the host allows. */
static int in_first_user_namespace(void)
{
	char link[sizeof(FIRST_USER_NAMESPACE)];
	long n = sys4(__NR_readlinkat, AT_FDCWD, "/proc/self/ns/user", link, sizeof(link));

	if (n != (long)sizeof(link) - 1)
		return 0;
	link[n] = 0;
	return text_equal(link, FIRST_USER_NAMESPACE);
}

/* Whether every id is mapped to itself, as in the first user namespace. */
static int maps_all_ids(void)
{
	static const char all[] = FIRST_ID_MAP;
	char map[sizeof(all)];
	long fd = sys4(__NR_openat, AT_FDCWD, "/proc/self/uid_map", O_RDONLY | O_CLOEXEC, 0);
	long n = fd < 0 ? fd : sys3(__NR_read, fd, map, sizeof(map));

	if (fd >= 0)
		sys1(__NR_close, fd);
	if (n != (long)sizeof(all) - 1)
		return n < 0;
	map[n] = 0;
	return text_equal(map, all);
}

/*
 * Whether the caller is root of another user namespace, such as rootless podman's. It counts as a
 * user, unless $USER is root.
 */
static int is_nested_root(const char *const *envp)
{
	const char *user = environment_variable(envp, "USER");

	return !(user && text_equal(user, "root")) && !maps_all_ids();
}

/* Whether a state directory exists and has the right mode and owner. */
static int is_fit(const char *root, uint32_t mode, uint32_t uid)
{
	struct statx status;

	zero(&status, sizeof(status));
	if (sys5(__NR_statx, AT_FDCWD, root, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status) < 0)
		return 0;
	return status.stx_mode == (S_IFDIR | mode) && status.stx_uid == uid;
}

/* Whether files can be made in a directory. */
static int is_writable(const char *directory)
{
	return sys3(__NR_faccessat, AT_FDCWD, directory, 3 /* W_OK | X_OK */) == 0;
}

/* Like src/container/state/root.ts. */
static int default_root(char *root, const char *const *envp)
{
	const char *runtime = environment_variable(envp, "XDG_RUNTIME_DIR");
	uint32_t uid = (uint32_t)sys0(__NR_geteuid);
	char number[21];
	long length;

	if (uid == 0 && in_first_user_namespace())
		return path_append(root, 0, SYSTEM_ROOT, sizeof(SYSTEM_ROOT) - 1) > 0;
	if (uid == 0 && !is_nested_root(envp))
		return 0;
	if (runtime && runtime[0] == '/') {
		if (!path_is_clean(runtime))
			return 0;
		length = path_append(root, 0, runtime, text_length(runtime));
		length = path_append(root, length, "/", 1);
		if (path_append(root, length, RUNTIME_ROOT_NAME, sizeof(RUNTIME_ROOT_NAME) - 1) < 0)
			return 0;
		if (is_fit(root, RUNTIME_ROOT_MODE, uid) && is_writable(root))
			return 1;
		/* brun makes a directory there, or reports why it cannot. */
		if (is_writable(runtime))
			return 0;
	}
	/* The directory's name has the uid on the host. */
	if (uid == 0)
		return 0;
	length = path_append(root, 0, "/tmp/" SHARED_ROOT_NAME, sizeof("/tmp/" SHARED_ROOT_NAME) - 1);
	return path_append(root, length, number, text_decimal(number, uid)) > 0 &&
	       is_fit(root, SHARED_ROOT_MODE, uid) && is_writable(root);
}

int root_find(char *root, const char *given, const char *const *envp)
{
	if (!given)
		return default_root(root, envp);
	return path_is_clean(given) && path_append(root, 0, given, text_length(given)) >= 0;
}
