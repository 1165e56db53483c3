#include "complaint.h"

#include "../text.h"
#include "command.h"
#include "files.h"
#include "moment.h"

#include <linux/fcntl.h>

#define STDERR 2
#define FAILED 1

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

void complain_number(struct complaint *complaint, uint64_t number)
{
	char digits[21];

	digits[text_decimal(digits, number)] = 0;
	complain(complaint, digits);
}

/* The time in whole seconds. */
static void complain_time(struct complaint *complaint)
{
	char text[TIMESTAMP_SIZE];

	timestamp(text);
	text[TIMESTAMP_SECONDS] = 0;
	complain(complaint, text);
	complain(complaint, "Z");
}

/* Makes one line, in the format of the log or for people. */
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
