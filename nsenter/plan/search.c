#include "search.h"

#include "../text.h"

#include <linux/fcntl.h>
#include <linux/stat.h>

#define ACCESS_EXECUTE 1  /* X_OK */
#define TYPE_MASK 0170000 /* S_IFMT; <linux/stat.h> does not define it beside glibc */
#define TYPE_REGULAR 0100000

typedef long attempt(const char *path, const void *argv, const void *envp);

static int has_slash(const char *file)
{
	while (*file != 0)
		if (*file++ == '/')
			return 1;
	return 0;
}

/* Errors after which the next directory is tried. */
static int passed_over(long error)
{
	return error == -ENOENT || error == -ENOTDIR || error == -EACCES || error == -ELOOP;
}

static long in_path(const char *file, const char *path, attempt *make, const void *argv, const void *envp)
{
	char name[PATH_SIZE];
	long result = -ENOENT;

	for (;;) {
		size_t n = 0;
		long length;

		while (path[n] != 0 && path[n] != ':')
			n++;
		length = path_append(name, 0, n > 0 ? path : ".", n > 0 ? n : 1);
		length = path_append(name, length, "/", 1);
		length = path_append(name, length, file, text_length(file));
		if (length >= 0) {
			long error = make(name, argv, envp);

			if (!passed_over(error))
				return error;
			if (error != -ENOENT)
				result = error;
		}
		if (path[n] == 0)
			return result;
		path += n + 1;
	}
}

static long try_find(const char *path, const void *argv, const void *envp)
{
	struct statx status;
	long result = sys4(__NR_faccessat2, AT_FDCWD, path, ACCESS_EXECUTE, AT_EACCESS);

	(void)argv;
	(void)envp;
	if (result == -ENOSYS || result == -EPERM)
		/*
		 * Before Linux 5.8, or with a filter. This call checks the real ids, which are
		 * the effective ones by now.
		 */
		result = sys3(__NR_faccessat, AT_FDCWD, path, ACCESS_EXECUTE);
	if (result < 0)
		return result;
	zero(&status, sizeof(status));
	result = sys5(__NR_statx, AT_FDCWD, path, 0, STATX_TYPE, &status);
	if (result < 0)
		return result;
	return (status.stx_mode & TYPE_MASK) == TYPE_REGULAR ? 0 : -EACCES;
}

static long try_execute(const char *path, const void *argv, const void *envp)
{
	return sys3(__NR_execve, path, argv, envp);
}

long find_executable(const char *file, const char *path)
{
	long result;

	if (has_slash(file))
		return try_find(file, 0, 0);
	result = in_path(file, path, try_find, 0, 0);
	return passed_over(result) ? -ENOENT : result;
}

long execute_file(const char *file, const char *path, const void *argv, const void *envp)
{
	if (has_slash(file))
		return try_execute(file, argv, envp);
	return in_path(file, path, try_execute, argv, envp);
}
