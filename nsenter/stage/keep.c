/*
 * The log has the format of CRI and podman (k8s-file): "TIME stdout F line". P instead of F means that the line
 * continues in the stream's next entry. There are two files, and the older one is deleted when the newer one is
 * full. Output that cannot be written, on a full disk, is lost: a container does not wait for its log.
 */
#include "keep.h"

#include "../text.h"
#include "typed.h"

#include <asm/ioctls.h>
#include <linux/fcntl.h>
#include <linux/time.h>

#define LOG_MODE 0600
#define MSG_DONTWAIT 0x40
#define CHUNK 4096
#define PREFIX_MAX 48 /* "2026-11-30T07:36:23.123456789Z stdout F " */
#define NANO_DIGITS 9
#define DAY_SECONDS 86400

static const char log_name[] = "log";
static const char old_name[] = "log.1";

struct log {
	int directory;
	int file;
	uint64_t size;
	uint64_t limit;
	size_t used;
	unsigned char buffer[4 * CHUNK]; /* complete entries */
};

static struct keep_request keep = {-1, -1, -1, -1, -1, -1, 0};
static struct relay typed;
static struct log output;

/* An array without pointers, since these would have to be relocated. */
static const char streams[][8] = {
    {' ', 's', 't', 'd', 'o', 'u', 't', ' '},
    {' ', 's', 't', 'd', 'e', 'r', 'r', ' '},
};

static size_t put_padded(char *to, uint64_t value, size_t digits)
{
	for (size_t i = digits; i > 0; i--) {
		to[i - 1] = (char)('0' + value % 10);
		value /= 10;
	}
	return digits;
}

/* Writes the date for days since 1970: https://howardhinnant.github.io/date_algorithms.html#civil_from_days. */
static size_t put_date(char *to, uint64_t days)
{
	uint64_t shifted = days + 719468;
	uint64_t era = shifted / 146097;
	uint64_t of_era = shifted % 146097;
	uint64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	uint64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	uint64_t from_march = (5 * of_year + 2) / 153;
	uint64_t month = from_march < 10 ? from_march + 3 : from_march - 9;
	size_t n = put_padded(to, year + era * 400 + (month <= 2), 4);

	to[n++] = '-';
	n += put_padded(to + n, month, 2);
	to[n++] = '-';
	return n + put_padded(to + n, of_year - (153 * from_march + 2) / 5 + 1, 2);
}

/* Writes the time: RFC 3339 in UTC with nanoseconds. */
static size_t put_time(char *to)
{
	int64_t now[2] = {0, 0};
	uint64_t seconds;
	size_t n;

	sys2(__NR_clock_gettime, CLOCK_REALTIME, now);
	seconds = now[0] > 0 ? (uint64_t)now[0] : 0;
	n = put_date(to, seconds / DAY_SECONDS);
	seconds %= DAY_SECONDS;
	to[n++] = 'T';
	n += put_padded(to + n, seconds / 3600, 2);
	to[n++] = ':';
	n += put_padded(to + n, seconds / 60 % 60, 2);
	to[n++] = ':';
	n += put_padded(to + n, seconds % 60, 2);
	to[n++] = '.';
	n += put_padded(to + n, (uint64_t)now[1], NANO_DIGITS);
	to[n++] = 'Z';
	return n;
}

static void open_log(void)
{
	output.file = (int)sys4(__NR_openat, output.directory, log_name,
				O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, LOG_MODE);
	output.size = 0;
}

static void rotate(void)
{
	sys1(__NR_close, output.file);
	sys5(__NR_renameat2, output.directory, log_name, output.directory, old_name, 0);
	open_log();
}

static void flush(void)
{
	size_t done = 0;

	if (output.used == 0)
		return;
	if (output.size > 0 && output.size + output.used > output.limit)
		rotate();
	else if (output.file < 0)
		open_log();
	while (done < output.used) {
		long n = sys3(__NR_write, output.file, output.buffer + done, output.used - done);

		if (n <= 0 && n != -EINTR)
			break;
		done += n > 0 ? (size_t)n : 0;
	}
	if (done == output.used)
		output.size += done;
	else if (done > 0)
		sys2(__NR_ftruncate, output.file, output.size);
	output.used = 0;
}

static void put(const void *data, size_t n)
{
	copy(output.buffer + output.used, data, n);
	output.used += n;
}

/* Writes one entry for each line. */
static void keep_output(unsigned int stream, const unsigned char *data, size_t size)
{
	char now[PREFIX_MAX];
	size_t length = put_time(now);

	for (size_t at = 0; at < size;) {
		size_t end = at;

		while (end < size && data[end] != '\n')
			end++;
		if (output.used + PREFIX_MAX + (end - at) + 1 > sizeof(output.buffer))
			flush();
		put(now, length);
		put(streams[stream], sizeof(streams[stream]));
		put(end < size ? "F " : "P ", 2);
		put(data + at, end - at);
		put("\n", 1);
		at = end + 1;
	}
	flush();
}

static void take_output(int32_t *from, unsigned int stream)
{
	static unsigned char chunk[CHUNK];
	long n = sys3(__NR_read, *from, chunk, sizeof(chunk));

	if (n > 0)
		keep_output(stream, chunk, (size_t)n);
	/* A pty master answers EIO when the last slave has been closed. */
	else if (n == 0 || (n != -EAGAIN && n != -EINTR))
		*from = -1;
}

static void take_message(void)
{
	long n = sys6(__NR_recvfrom, keep.control, (long)typed.buffer, sizeof(typed.buffer), MSG_DONTWAIT, 0,
		      0);

	if (n <= 0)
		return;
	switch (typed.buffer[0]) {
	case ATTACH_TYPED:
		typed.start = 1;
		typed.end = keep.input < 0 ? 1 : (uint32_t)n;
		typed_note();
		break;
	case ATTACH_SIZE:
		if (n > 8)
			sys3(__NR_ioctl, keep.input, TIOCSWINSZ, typed.buffer + 1);
		break;
	case ATTACH_END:
		/* A terminal stays open: its user types Ctrl-D. */
		if (keep.input != keep.out && keep.input >= 0) {
			sys1(__NR_close, keep.input);
			keep.input = -1;
		}
		break;
	default:
		break;
	}
}

void keep_begin(const struct keep_request *request)
{
	keep = *request;
	typed.from = keep.control;
	typed.to = keep.input;
	output.directory = keep.directory;
	output.limit = keep.limit;
	output.file = -1;
	if (keep.directory >= 0)
		open_log();
}

void keep_prepare(struct pollfd *polls)
{
	polls[0].fd = keep.out;
	polls[0].events = POLLIN;
	polls[0].revents = 0;
	polls[1].fd = keep.err;
	polls[1].events = POLLIN;
	polls[1].revents = 0;
	relay_prepare(&typed, &polls[2]);
}

void keep_step(const struct pollfd *polls)
{
	if (polls[0].revents)
		take_output(&keep.out, 0);
	if (polls[1].revents)
		take_output(&keep.err, 1);
	if (!polls[2].revents)
		return;
	if (typed.start < typed.end)
		relay_step(&typed, &polls[2]);
	else
		take_message();
}

int keep_is_done(void)
{
	return keep.out < 0 && keep.err < 0;
}

void keep_end(int status)
{
	char text[20];
	size_t length;

	if (keep.result < 0)
		return;
	length = text_decimal(text, (uint64_t)status);
	text[length++] = '\n';
	sys3(__NR_write, keep.result, text, length);
}
