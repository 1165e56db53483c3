/*
 * What musl and an older libstdc++ lack for Debian's libseccomp and for Bun's runtime, so that the musl build can be
 * tried on Debian. On Alpine the system's own libraries have it all.
 */
#include <stdarg.h>
#include <stdio.h>

void _ZSt28__throw_bad_array_new_lengthv(void);
void _ZSt21__glibcxx_assert_failPKciS0_S0_(void);

void _ZSt28__throw_bad_array_new_lengthv(void)
{
	__builtin_trap();
}

void _ZSt21__glibcxx_assert_failPKciS0_S0_(void)
{
	__builtin_trap();
}

int __fprintf_chk(FILE *file, int flag, const char *format, ...)
{
	va_list arguments;
	int length;

	(void)flag;
	va_start(arguments, format);
	length = vfprintf(file, format, arguments);
	va_end(arguments);
	return length;
}
