#include "complaint.h"

#include "../text.h"
#include "command.h"
#include "files.h"

#include <linux/fcntl.h>
#include <linux/time.h>

#define STDERR 2
#define FAILED 1

#define SECONDS_A_DAY 86400
#define DAYS_TO_1970 719468 /* from the first of March of the year 0 */
#define DAYS_IN_400_YEARS 146097

void complain(struct complaint *complaint, const char *text)
{
	size_t room = sizeof(complaint->text) - 1 - complaint->length;
	size_t n = text_length(text);

	if (n > room)
		n = room;
	copy(complaint->text + complaint->length, text, n);
	complaint->length += n;
	complaint->text[complaint->length] = 0;
}

/* At least width digits. */
static void complain_padded(struct complaint *complaint, uint64_t number, size_t width)
{
	char digits[21];
	size_t n = text_decimal(digits, number);

	digits[n] = 0;
	for (; n < width; n++)
		complain(complaint, "0");
	complain(complaint, digits);
}

void complain_number(struct complaint *complaint, uint64_t number)
{
	complain_padded(complaint, number, 0);
}

/* The time in UTC as RFC 3339. The calendar: Howard Hinnant, chrono-compatible low-level date algorithms. */
static void complain_time(struct complaint *complaint)
{
	struct __kernel_timespec now = {0, 0};
	uint64_t days;
	uint64_t second;
	uint64_t era;
	uint64_t day;
	uint64_t year;
	uint64_t month;

	sys2(__NR_clock_gettime, CLOCK_REALTIME, &now);
	days = (uint64_t)now.tv_sec / SECONDS_A_DAY + DAYS_TO_1970;
	second = (uint64_t)now.tv_sec % SECONDS_A_DAY;
	era = days / DAYS_IN_400_YEARS;
	day = days % DAYS_IN_400_YEARS;
	year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	day -= 365 * year + year / 4 - year / 100;
	month = (5 * day + 2) / 153; /* 0 is March */
	day -= (153 * month + 2) / 5;
	complain_padded(complaint, year + era * 400 + (month >= 10), 4);
	complain(complaint, "-");
	complain_padded(complaint, month < 10 ? month + 3 : month - 9, 2);
	complain(complaint, "-");
	complain_padded(complaint, day + 1, 2);
	complain(complaint, "T");
	complain_padded(complaint, second / 3600, 2);
	complain(complaint, ":");
	complain_padded(complaint, second / 60 % 60, 2);
	complain(complaint, ":");
	complain_padded(complaint, second % 60, 2);
	complain(complaint, "Z");
}

/* One line, in the format of the log or for people. */
static void make_line(struct complaint *line, const struct complaint *complaint, int json)
{
	if (json) {
		complain(line, "{\"level\":\"error\",\"msg\":\"");
		complain(line, complaint->text);
		complain(line, "\",\"time\":\"");
		complain_time(line);
		complain(line, "\",\"message\":\"");
		complain(line, complaint->text);
		complain(line, "\",\"code\":\"ERR_FAILED\"}\n");
	} else {
		complain(line, "time=\"");
		complain_time(line);
		complain(line, "\" level=error msg=\"");
		complain(line, complaint->text);
		complain(line, "\"\n");
	}
}

int complaint_tell(const struct complaint *complaint, int argc, const char *const *argv)
{
	static struct complaint line;
	static struct complaint plain;
	struct log_flags flags;
	int json;
	long fd = -1;

	command_log(&flags, argc, argv);
	json = flags.format && text_equal(flags.format, "json");
	make_line(&line, complaint, json);
	if (flags.log)
		fd = sys4(__NR_openat, AT_FDCWD, flags.log,
			  O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC, 0644);
	if (fd >= 0) {
		file_write_all(fd, line.text, line.length);
		sys1(__NR_close, fd);
	}
	if (json && !flags.log) {
		file_write_all(STDERR, line.text, line.length);
	} else {
		complain(&plain, "brun: ");
		complain(&plain, complaint->text);
		complain(&plain, "\n");
		file_write_all(STDERR, plain.text, plain.length);
	}
	return flags.command && text_equal(flags.command, "exec") ? EXEC_FAILED : FAILED;
}
