#include "json.h"

/* The maximum size of an escaped character: \u001f. */
#define GROWTH 6
/* Two quotes and a comma. */
#define AROUND 3

static char hexadecimal(unsigned int digit)
{
	return (char)(digit < 10 ? '0' + digit : 'a' + digit - 10);
}

/* The letter of a character's short escape, or 0. */
static char short_escape(unsigned char c)
{
	switch (c) {
	case '"':
	case '\\':
		return (char)c;
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	default:
		return 0;
	}
}

static char *put_character(char *to, unsigned char c)
{
	char escape = short_escape(c);

	if (escape || c < ' ')
		*to++ = '\\';
	if (escape) {
		*to++ = escape;
	} else if (c < ' ') {
		copy(to, "u00", 3);
		to[3] = hexadecimal(c >> 4);
		to[4] = hexadecimal(c & 15);
		to += 5;
	} else {
		*to++ = (char)c;
	}
	return to;
}

/* The length of the UTF-8 sequence that begins with this byte; 0 if none does (RFC 3629). */
static unsigned int sequence_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first < 0xe0)
		return 2;
	if (first >= 0xe0 && first < 0xf0)
		return 3;
	return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

/* Whether the second byte is valid: no overlong form, no surrogate, and not above U+10FFFF. */
static int is_second(unsigned char first, unsigned char second)
{
	if (first == 0xe0)
		return second >= 0xa0;
	if (first == 0xed)
		return second < 0xa0;
	if (first == 0xf0)
		return second >= 0x90;
	return first != 0xf4 || second < 0x90;
}

int json_is_utf8(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at != 0) {
		unsigned int length = sequence_length(*at);

		if (length == 0 || (length > 1 && !is_second(at[0], at[1])))
			return 0;
		for (unsigned int i = 1; i < length; i++)
			if ((at[i] & 0xc0) != 0x80)
				return 0;
		at += length;
	}
	return 1;
}

static char *put_string(char *to, const char *text)
{
	*to++ = '"';
	while (*text != 0)
		to = put_character(to, (unsigned char)*text++);
	*to++ = '"';
	return to;
}

const char *json_list(const struct texts *texts)
{
	size_t size = AROUND;
	char *list;
	char *to;
	long memory;

	for (size_t i = 0; i < texts->count; i++) {
		if (!json_is_utf8(texts->at[i]))
			return 0;
		size += GROWTH * text_length(texts->at[i]) + AROUND;
	}
	memory = sys_memory(size);
	if (memory < 0)
		return 0;
	list = to = (char *)(uintptr_t)memory;
	*to++ = '[';
	for (size_t i = 0; i < texts->count; i++) {
		if (i > 0)
			*to++ = ',';
		to = put_string(to, texts->at[i]);
	}
	*to++ = ']';
	return list;
}
