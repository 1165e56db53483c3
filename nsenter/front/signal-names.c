#include "signal-names.h"

#include "../text.h"

#include "../build/command-line.h"

static int upper(char c)
{
	return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
}

/* The text after a prefix, which is in capitals and matches in any case; null if text does not begin with it. */
static const char *after_any_case(const char *text, const char *prefix)
{
	while (*prefix != 0)
		if (upper(*text++) != *prefix++)
			return 0;
	return text;
}

int signal_number(const char *word)
{
	const char *bare = after_any_case(word, "SIG");
	int number = text_number(word);

	if (number >= 0)
		return number <= 64 ? number : 0;
	for (unsigned int i = 0; i < ARRAY_LENGTH(signal_names); i++) {
		const char *rest = after_any_case(bare ? bare : word, signal_names[i].name);

		if (rest && *rest == 0)
			return signal_names[i].number;
	}
	return 0;
}
