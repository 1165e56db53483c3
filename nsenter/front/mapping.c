#include "mapping.h"

#include "../stage/spawn.h"
#include "conversation.h"

#include <linux/fcntl.h>

#define HELPERS 2

struct helper {
	struct spawn_request request;
	const char *argv[HELPER_WORDS_MAX + 3]; /* path, pid, arguments, null */
	const char *envp[1];
	long pid;
};

/* Splits the words of the part. Returns whether there are any, and not too many. */
static int split(struct helper *helper, const char *words, size_t size)
{
	unsigned int count = 0;

	for (size_t at = 0; at < size; at += text_length(words + at) + 1) {
		if (count > HELPER_WORDS_MAX)
			return 0;
		/* The second word is the pid. */
		helper->argv[count == 0 ? 0 : count + 1] = words + at;
		count++;
	}
	return count > 1;
}

static long start(struct helper *helper, const struct plan_file *plan, enum plan_part index, const char *pid,
		  int output)
{
	size_t size;
	const char *words = (const void *)plan_part(plan, index, &size);

	zero(helper, sizeof(*helper));
	if (!words || words[size - 1] != 0 || !split(helper, words, size))
		return -EBADMSG;
	helper->argv[1] = pid;
	helper->request.path = (uint64_t)(uintptr_t)helper->argv[0];
	helper->request.argv = (uint64_t)(uintptr_t)helper->argv;
	helper->request.envp = (uint64_t)(uintptr_t)helper->envp;
	helper->request.stdio[0] = -1;
	helper->request.stdio[1] = helper->request.stdio[2] = output;
	helper->request.keep_fd = helper->request.exec_fd = -1;
	helper->request.flags = SPAWN_GO_ON;
	helper->pid = spawn(&helper->request);
	if (helper->pid > 0 && helper->request.pidfd >= 0)
		sys1(__NR_close, helper->request.pidfd);
	return helper->pid;
}

long map_ids(const struct plan_file *plan, long pid)
{
	/* Static, since a child may still use them after this function has returned with an error. */
	static struct helper helpers[HELPERS];
	static char number[21];
	/* Their messages are dropped: Bun runs them again after a failure, and reports it. */
	int output = (int)sys4(__NR_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
	long result = 0;

	number[text_decimal(number, (uint64_t)pid)] = 0;
	for (unsigned int i = 0; i < HELPERS; i++)
		start(&helpers[i], plan, i == 0 ? PART_NEWUIDMAP : PART_NEWGIDMAP, number, output);
	for (unsigned int i = 0; i < HELPERS; i++)
		if (helpers[i].pid <= 0 || reap(helpers[i].pid) != 0)
			result = -EPERM;
	if (output >= 0)
		sys1(__NR_close, output);
	return result;
}
