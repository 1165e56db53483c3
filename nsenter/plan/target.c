#include "target.h"

#include "resolve.h"
#include "../text.h"

#include <linux/fcntl.h>

#define MADE_MODE 0755
#define FILE_MODE 0644
#define LINKS_MAX 40

static long open_below(int root, const char *path, uint64_t flags, uint64_t rules)
{
	struct open_how how;

	zero(&how, sizeof(how));
	how.flags = O_PATH | O_CLOEXEC | flags;
	how.resolve = rules;
	return resolve_path(root, path, &how);
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
		return sys3(__NR_mkdirat, parent, name, MADE_MODE);
	result = sys4(__NR_openat, parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		      FILE_MODE);
	if (result < 0)
		return result;
	return sys1(__NR_close, result);
}

/* Appends the components of text, except empty ones and ".". Returns the new length, or -ENAMETOOLONG. */
static long append(char *path, long length, const char *text, const char *end)
{
	while (text < end && *text) {
		const char *next = text;

		while (next < end && *next && *next != '/')
			next++;
		if (next - text > 1 || (next - text == 1 && *text != '.')) {
			if (length + (next - text) + 2 > PATH_SIZE)
				return -ENAMETOOLONG;
			if (length > 0)
				path[length++] = '/';
			copy(path + length, text, (size_t)(next - text));
			length += next - text;
		}
		text = next < end && *next ? next + 1 : next;
	}
	path[length] = 0;
	return length;
}

static long open_below_links(int root, char *path, uint64_t resolve, int file, int links);

/*
 * Follows a symbolic link whose target is missing: opens and makes the target, which is not possible by the link's
 * own name. The link is "name" in parent, whose path is `path`. rest is the following part of the path, or null.
 */
static long through_link(int root, char *path, int parent, char *name, const char *rest, uint64_t resolve,
			 int file, int links)
{
	char link[PATH_SIZE];
	char target[PATH_SIZE];
	long length = 0;
	long size = sys4(__NR_readlinkat, parent, name, link, sizeof(link) - 1);

	if (size < 0)
		return -ENOENT;
	if (links >= LINKS_MAX)
		return -ELOOP;
	link[size] = 0;
	target[0] = 0;
	if (link[0] != '/')
		length = append(target, 0, path, name);
	if (length >= 0)
		length = append(target, length, link, link + size);
	if (length >= 0 && rest)
		length = append(target, length, rest, rest + PATH_SIZE);
	if (length < 0)
		return length;
	return open_below_links(root, target, resolve, file, links + 1);
}

/* Opens the directory that has the last component, in most cases the only one that is missing. Returns that component. */
static char *skip_parents(int root, char *path, uint64_t resolve, int *parent)
{
	char *slash = 0;
	long result;

	for (char *at = path; *at; at++)
		if (*at == '/')
			slash = at;
	if (!slash)
		return path;
	*slash = 0;
	result = open_below(root, path, O_DIRECTORY, resolve);
	*slash = '/';
	if (result < 0)
		return path;
	*parent = (int)result;
	return slash + 1;
}

static long open_below_links(int root, char *path, uint64_t resolve, int file, int links)
{
	long result = open_below(root, path, 0, resolve);
	int parent = root;
	char *name;

	if (result != -ENOENT)
		return result;
	name = skip_parents(root, path, resolve, &parent);
	for (;;) {
		char *end = name;
		char separator;
		int there;
		int done;

		while (*end && *end != '/')
			end++;
		separator = *end;
		*end = 0;
		result = make(parent, name, file && separator == 0);
		there = result == -EEXIST;
		done = separator == 0;
		if (there)
			result = 0;
		if (result == 0)
			result = open_below(root, path, separator ? O_DIRECTORY : 0, resolve);
		if (result == -ENOENT && there) {
			result = through_link(root, path, parent, name, separator ? end + 1 : 0, resolve,
					      file, links);
			done = 1;
		}
		if (parent != root)
			sys1(__NR_close, parent);
		*end = separator;
		if (result < 0 || done)
			return result;
		parent = (int)result;
		name = end + 1;
	}
}

static int is_one_name(const char *path)
{
	for (; *path; path++)
		if (*path == '/')
			return 0;
	return 1;
}

long open_target(int root, char *path, uint64_t resolve, uint64_t flags)
{
	int file = (flags & TARGET_FILE) != 0;

	/* An existing path is no failure: it is opened. A single name cannot lead anywhere else. */
	if ((flags & TARGET_MISSING) != 0 && is_one_name(path))
		make(root, path, file);
	return open_below_links(root, path, resolve, file, 0);
}
