#include "moment.h"

#include "../plan/alive.h"
#include "../text.h"

#define CLOCK_REALTIME 0
#define SECONDS_OF_DAY 86400U

/* Writes a number with `count` digits, padded with zeros. Returns the end. */
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

/*
 * Writes the date for days since 1970-01-01, in the proleptic Gregorian calendar. Its years begin in March (Howard
 * Hinnant, chrono-compatible low-level date algorithms).
 */
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

void timestamp(char *to)
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

long moment_take(struct moment *moment, long pid)
{
	uint64_t start_time;
	long result = process_start_time((uint64_t)pid, &start_time);

	if (result < 0)
		return result;
	moment->pid[text_decimal(moment->pid, (uint64_t)pid)] = 0;
	moment->start_time[text_decimal(moment->start_time, start_time)] = 0;
	timestamp(moment->created);
	return 0;
}
