#include "target.h"

#include <linux/fcntl.h>
#include <linux/openat2.h>

#define DIRECTORY_MODE 0755
#define FILE_MODE 0644

static long open_below(int root, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how;

	zero(&how, sizeof(how));
	how.flags = O_PATH | O_CLOEXEC | flags;
	how.resolve = resolve;
	return sys4(__NR_openat2, root, path, &how, sizeof(how));
}

static int is_parent(const char *name)
{
	return name[0] == '.' && name[1] == '.' && name[2] == 0;
}

static long make(int parent, const char *name, int file)
{
	long result;

	if (is_parent(name))
		return 0;
	if (!file)
		return sys3(__NR_mkdirat, parent, name, DIRECTORY_MODE);
	result = sys4(__NR_openat, parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	if (result < 0)
		return result;
	return sys1(__NR_close, result);
}

long open_target(int root, char *path, uint64_t resolve, int file)
{
	long result = open_below(root, path, 0, resolve);
	char *name = path;
	int parent = root;

	if (result != -ENOENT)
		return result;
	for (;;) {
		char *end = name;
		char separator;

		while (*end && *end != '/')
			end++;
		separator = *end;
		*end = 0;
		result = make(parent, name, file && separator == 0);
		if (result == -EEXIST)
			result = 0;
		if (parent != root)
			sys1(__NR_close, parent);
		if (result == 0)
			result = open_below(root, path, separator ? O_DIRECTORY : 0, resolve);
		*end = separator;
		if (result < 0 || separator == 0)
			return result;
		parent = (int)result;
		name = end + 1;
	}
}
