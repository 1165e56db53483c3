#include "alive.h"

#include "../text.h"

#include <linux/fcntl.h>

#define STAT_SIZE 1024
#define STATE_TO_START_TIME 19 /* field 22, counted from field 3 */

/*
 * The third field of the line, after the name in parentheses, which may contain parentheses
 * itself; null if there is none.
 */
static const char *state_field(const char *line, const char *end)
{
	while (end > line && end[-1] != ')')
		end--;
	return end > line && end[0] == ' ' ? end + 1 : 0;
}

long process_stat(uint64_t pid, int field, uint64_t *value, char *state)
{
	char path[6 + 20 + 6] = "/proc/";
	char line[STAT_SIZE];
	const char *at;
	size_t length = 6;
	long fd;
	long n;

	length += text_decimal(path + length, pid);
	copy(path + length, "/stat", 6);
	fd = sys4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	/* Without procfs, or with that of another pid namespace, nothing can be said of any process. */
	if (fd == -ENOENT && sys3(__NR_faccessat, AT_FDCWD, "/proc/self", 0) == 0)
		fd = -ESRCH;
	if (fd < 0)
		return fd;
	do {
		n = sys3(__NR_read, fd, line, sizeof(line) - 1);
	} while (n == -EINTR);
	sys1(__NR_close, fd);
	if (n < 0)
		return n;
	line[n] = 0;
	at = state_field(line, line + n);
	if (!at)
		return -EPROTO;
	*state = *at;
	for (; field > 0; field--) {
		while (*at != 0 && *at != ' ')
			at++;
		if (*at == 0)
			return -EPROTO;
		at++;
	}
	*value = 0;
	while (*at >= '0' && *at <= '9')
		*value = *value * 10 + (uint64_t)(*at++ - '0');
	return 0;
}

long process_start_time(uint64_t pid, uint64_t *start_time)
{
	char state = 0;
	long result = process_stat(pid, STATE_TO_START_TIME, start_time, &state);

	if (result < 0)
		return result;
	return state != 'Z' && state != 'X' ? 0 : -ESRCH;
}

long process_alive(uint64_t pid, uint64_t start_time)
{
	uint64_t found;
	long result;

	/* Checks first whether the pid exists, since most ended processes are gone, and procfs is slow to tell. */
	if (sys2(__NR_kill, pid, 0) == -ESRCH)
		return -ESRCH;
	result = process_start_time(pid, &found);

	return result == 0 && found != start_time ? -ESRCH : result;
}
