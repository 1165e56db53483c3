#include "state.h"

#include "../plan/alive.h"

#include <linux/fcntl.h>

#define CLOCK_REALTIME 0
#define NUMBER_SIZE 21
#define SECONDS_OF_DAY 86400U

/* What stands in the text for TEXT_*. */
struct filling {
	const char *id;
	char created[32];
	char pid[NUMBER_SIZE];
	char start_time[NUMBER_SIZE];
};

/* A number of so many digits, with zeros before it. Returns where it ends. */
static char *digits(char *to, uint32_t value, unsigned int count)
{
	for (unsigned int i = count; i > 0; i--, value /= 10)
		to[i - 1] = (char)('0' + value % 10);
	return to + count;
}

static char *number(char *to, uint32_t value, unsigned int count, char behind)
{
	to = digits(to, value, count);
	*to = behind;
	return to + 1;
}

/* Of days since 1970-01-01: the proleptic Gregorian calendar, with years that begin in March. */
static char *date(char *to, uint32_t days)
{
	uint32_t since = days + 719468; /* 0000-03-01 */
	uint32_t era = since / 146097;
	uint32_t day_of_era = since % 146097;
	uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) /
			       365;
	uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint32_t month = (5 * day_of_year + 2) / 153; /* 0: March */

	to = number(to, era * 400 + year_of_era + (month >= 10), 4, '-');
	to = number(to, month < 10 ? month + 3 : month - 9, 2, '-');
	return number(to, day_of_year - (153 * month + 2) / 5 + 1, 2, 'T');
}

/* RFC 3339 in UTC with nanoseconds, as Go prints time.Time. */
static void timestamp(char *to)
{
	struct {
		int64_t seconds;
		int64_t nanoseconds;
	} now = {0, 0};
	uint32_t second;

	sys2(__NR_clock_gettime, CLOCK_REALTIME, &now);
	second = (uint32_t)((uint64_t)now.seconds % SECONDS_OF_DAY);
	to = date(to, (uint32_t)((uint64_t)now.seconds / SECONDS_OF_DAY));
	to = number(to, second / 3600, 2, ':');
	to = number(to, second / 60 % 60, 2, ':');
	to = number(to, second % 60, 2, '.');
	to = number(to, (uint32_t)now.nanoseconds, 9, 'Z');
	*to = 0;
}

static const char *filling_of(const struct filling *filling, unsigned char character)
{
	switch (character) {
	case TEXT_ID:
		return filling->id;
	case TEXT_CREATED:
		return filling->created;
	case TEXT_PID:
		return filling->pid;
	case TEXT_START_TIME:
		return filling->start_time;
	default:
		return 0;
	}
}

static long write_filled(long fd, const unsigned char *text, size_t size, const struct filling *filling)
{
	size_t from = 0;
	long result = 0;

	for (size_t i = 0; i < size && result == 0; i++) {
		const char *filled = filling_of(filling, text[i]);

		if (!filled)
			continue;
		result = file_write_all(fd, text + from, i - from);
		if (result == 0)
			result = file_write_all(fd, filled, text_length(filled));
		from = i + 1;
	}
	return result < 0 ? result : file_write_all(fd, text + from, size - from);
}

/* Others read it without the lock: it is there when it is complete. */
static long save(long directory, const unsigned char *text, size_t size, const struct filling *filling)
{
	long fd = sys4(__NR_openat, directory, STATE_FILE_NEW, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	long result;

	if (fd < 0)
		return fd;
	result = write_filled(fd, text, size, filling);
	sys1(__NR_close, fd);
	return result < 0 ? result : sys4(__NR_renameat, directory, STATE_FILE_NEW, directory, STATE_FILE);
}

long state_save(const struct cached *cached, long directory, const char *id, long pid)
{
	struct filling filling = {.id = id};
	size_t size;
	const unsigned char *text = cached_part(cached, PART_STATE, &size);
	uint64_t start_time;
	long result = process_start_time((uint64_t)pid, &start_time);

	if (result < 0 || !text)
		return result < 0 ? result : -EBADMSG;
	filling.pid[text_decimal(filling.pid, (uint64_t)pid)] = 0;
	filling.start_time[text_decimal(filling.start_time, start_time)] = 0;
	timestamp(filling.created);
	return save(directory, text, size, &filling);
}
