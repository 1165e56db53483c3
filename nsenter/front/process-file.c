#include "process-file.h"

#include "json.h"

#include <linux/fcntl.h>
#include <linux/stat.h>

struct scan {
	unsigned char *at;
	const unsigned char *end;
};

static int take(struct scan *scan, unsigned char c)
{
	if (scan->at == scan->end || *scan->at != c)
		return 0;
	scan->at++;
	return 1;
}

static int take_text(struct scan *scan, const char *text)
{
	size_t length = text_length(text);

	if ((size_t)(scan->end - scan->at) < length)
		return 0;
	for (size_t i = 0; i < length; i++)
		if (scan->at[i] != (unsigned char)text[i])
			return 0;
	scan->at += length;
	return 1;
}

/* The value of four hexadecimal digits, or -1. */
static int take_hexadecimal(struct scan *scan)
{
	int value = 0;

	if (scan->end - scan->at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		unsigned char c = *scan->at++;
		unsigned char letter = c | 0x20;

		if (c >= '0' && c <= '9')
			value = value * 16 + (c - '0');
		else if (letter >= 'a' && letter <= 'f')
			value = value * 16 + (letter - 'a' + 10);
		else
			return -1;
	}
	return value;
}

/* Writes a character as UTF-8. Returns the number of bytes, or 0 for NUL and for a half of a surrogate pair. */
static size_t put_utf8(unsigned char *to, int c)
{
	if (c <= 0 || (c >= 0xd800 && c < 0xe000))
		return 0;
	if (c < 0x80) {
		to[0] = (unsigned char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (unsigned char)(0xc0 | c >> 6);
		to[1] = (unsigned char)(0x80 | (c & 0x3f));
		return 2;
	}
	to[0] = (unsigned char)(0xe0 | c >> 12);
	to[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
	to[2] = (unsigned char)(0x80 | (c & 0x3f));
	return 3;
}

/* What follows a backslash. Returns the number of bytes written, or 0. */
static size_t take_escape(struct scan *scan, unsigned char *to)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char values[] = "\"\\/\b\f\n\r\t";

	if (take(scan, 'u'))
		return put_utf8(to, take_hexadecimal(scan));
	for (unsigned int i = 0; i < sizeof(letters) - 1; i++)
		if (take(scan, (unsigned char)letters[i])) {
			*to = (unsigned char)values[i];
			return 1;
		}
	return 0;
}

/* A string with a NUL behind it, or null. */
static const char *take_string(struct scan *scan)
{
	unsigned char *to = scan->at;
	const char *text = (const char *)to;

	if (!take(scan, '"'))
		return 0;
	while (scan->at < scan->end) {
		unsigned char c = *scan->at++;
		size_t n = 1;

		if (c == '"') {
			*to = 0;
			return json_is_utf8(text) ? text : 0;
		}
		if (c == '\\')
			n = take_escape(scan, to);
		else
			*to = c;
		if (n == 0 || c < ' ')
			return 0;
		to += n;
	}
	return 0;
}

/* Appends a null pointer. Lists that are given twice are not taken. */
static int take_list(struct scan *scan, const char **list, size_t *count)
{
	if (list[0] || !take(scan, '['))
		return 0;
	do {
		const char *text = *count < PROCESS_LIST_MAX ? take_string(scan) : 0;

		if (!text)
			return 0;
		list[*count] = text;
		*count += 1;
	} while (take(scan, ','));
	list[*count] = 0;
	return take(scan, ']');
}

/* Goes to the end of a member: the comma or brace behind it. */
static int skip_member(struct scan *scan)
{
	size_t depth = 0;
	int quoted = 0;

	for (; scan->at < scan->end; scan->at++) {
		unsigned char c = *scan->at;

		if (quoted && c == '\\') {
			if (++scan->at == scan->end)
				return 0;
		} else if (c == '"') {
			quoted = !quoted;
		} else if (!quoted && depth == 0 && (c == ',' || c == '}')) {
			return 1;
		} else if (!quoted && (c == '{' || c == '[')) {
			depth++;
		} else if (!quoted && (c == '}' || c == ']') && depth-- == 0) {
			return 0;
		}
	}
	return 0;
}

/* Takes a member, or appends it to the rest. */
static int take_member(struct process_file *file, struct scan *scan, char *rest, size_t *size, int *said)
{
	unsigned char *begin = scan->at;

	if (take_text(scan, "\"args\":"))
		return take_list(scan, file->args, &file->arg_count);
	if (take_text(scan, "\"env\":"))
		return take_list(scan, file->env, &file->env_count);
	if (take_text(scan, "\"cwd\":")) {
		int again = file->cwd != 0;

		file->cwd = take_string(scan);
		return file->cwd && !again;
	}
	if (take_text(scan, "\"terminal\":")) {
		file->terminal = take_text(scan, "true");
		return !(*said)++ && (file->terminal || take_text(scan, "false"));
	}
	if (!skip_member(scan))
		return 0;
	rest[*size] = *size == 0 ? '{' : ',';
	copy(rest + *size + 1, begin, (size_t)(scan->at - begin));
	*size += (size_t)(scan->at - begin) + 1;
	return 1;
}

int process_file_scan(struct process_file *file, unsigned char *data, size_t size, char *rest)
{
	struct scan scan = {data, data + size};
	size_t rest_size = 0;
	int said = 0;

	zero(file, sizeof(*file));
	if (!take(&scan, '{'))
		return 0;
	do {
		if (!take_member(file, &scan, rest, &rest_size, &said))
			return 0;
	} while (take(&scan, ','));
	if (!take(&scan, '}') || rest_size == 0)
		return 0;
	/* Go's encoder ends a file with a newline. */
	take(&scan, '\n');
	rest[rest_size] = '}';
	rest[rest_size + 1] = 0;
	file->rest = rest;
	return scan.at == scan.end && file->arg_count > 0 && file->env_count > 0 && file->cwd;
}

/* The size of a regular file that is not too large, or -errno. `path` may be empty. */
static long regular_size(long at, const char *path)
{
	struct statx status;
	long result;

	zero(&status, sizeof(status));
	result = sys5(__NR_statx, at, path, AT_EMPTY_PATH, STATX_BASIC_STATS, &status);
	if (result < 0)
		return result;
	return (status.stx_mode & S_IFMT) == S_IFREG && status.stx_size <= PROCESS_FILE_MAX
		   ? (long)status.stx_size
		   : -EFBIG;
}

/* The bytes of a regular file, with room for as many and one behind them. 0 or -errno. */
static long read_file(const char *path, struct bytes *bytes, size_t *size)
{
	/* Opening a FIFO would be noticed by its writer. It is left to Bun, which reads it once. */
	long result = regular_size(AT_FDCWD, path);
	long fd;

	if (result < 0)
		return result;
	fd = sys4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	result = regular_size(fd, "");
	if (result >= 0) {
		*size = (size_t)result;
		bytes->size = 2 * *size + 2;
		result = file_read(fd, bytes, *size);
	}
	sys1(__NR_close, fd);
	return result;
}

long process_file_read(struct process_file *file, const char *path)
{
	struct bytes bytes = {0, 0};
	size_t size = 0;
	long result = read_file(path, &bytes, &size);

	if (!bytes.data)
		return result < 0 ? result : -EIO;
	if (!process_file_scan(file, bytes.data, size, (char *)bytes.data + size)) {
		file_forget(&bytes);
		return -EBADMSG;
	}
	file->bytes = bytes;
	return 0;
}

void process_file_forget(const struct process_file *file)
{
	if (file->bytes.data)
		file_forget(&file->bytes);
}

int process_file_fits(const struct process_file *file, const struct plan_file *plan)
{
	size_t size;
	const char *texts = (const char *)plan_part(plan, PART_PROCESS, &size);

	if (!texts || texts[size - 1] != 0)
		return 0;
	for (size_t at = 0; at < size; at += text_length(texts + at) + 1)
		if (text_equal(texts + at, file->rest))
			return 1;
	return 0;
}
