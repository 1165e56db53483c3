/* Strings without libc. */
#ifndef BRUN_TEXT_H
#define BRUN_TEXT_H

#include "sys.h"

#define PATH_SIZE 4096

BRUN_INLINE size_t text_length(const char *s)
{
	size_t n = 0;

	while (s[n] != 0)
		n++;
	return n;
}

BRUN_INLINE int text_equal(const char *a, const char *b)
{
	while (*a != 0 && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/* The part of s after prefix; null if s does not begin with it. */
BRUN_INLINE const char *text_after(const char *s, const char *prefix)
{
	while (*prefix != 0)
		if (*s++ != *prefix++)
			return 0;
	return s;
}

/*
 * Appends n bytes and a NUL to a path of length bytes. Returns the new length, or -ENAMETOOLONG. A negative length
 * is an error, and is returned.
 */
BRUN_INLINE long path_append(char *path, long length, const char *text, size_t n)
{
	if (length < 0)
		return length;
	if (n >= PATH_SIZE - (size_t)length)
		return -ENAMETOOLONG;
	copy(path + length, text, n);
	path[(size_t)length + n] = 0;
	return length + (long)n;
}

/* Writes a number that is not negative in decimal. Returns the number of digits, at most 20. */
BRUN_INLINE size_t text_decimal(char *to, uint64_t value)
{
	char digits[20];
	size_t n = 0;

	do {
		digits[sizeof(digits) - ++n] = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	copy(to, digits + sizeof(digits) - n, n);
	return n;
}

/* The number in s, or -1 if s is no number or has more than nine digits. */
BRUN_INLINE int text_number(const char *s)
{
	int n = 0;
	int digits = 0;

	while (*s >= '0' && *s <= '9' && digits++ < 9)
		n = n * 10 + (*s++ - '0');
	return digits > 0 && *s == 0 ? n : -1;
}

#endif
