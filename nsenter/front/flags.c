#include "flags.h"

#include "../text.h"

#define SAFE_INTEGER 9007199254740991ULL

/* The number of the flag with this name (of `length` bytes) or alias; -1 if there is none. */
static int find(const struct command_line *line, const char *name, size_t length)
{
	for (int i = 0; i < line->count; i++) {
		const struct flag *flag = &line->flags[i];
		size_t n = 0;

		while (n < length && flag->name[n] == name[n])
			n++;
		if ((n == length && flag->name[n] == 0) || (length == 1 && flag->alias == name[0]))
			return i;
	}
	return -1;
}

static int is_switch(const struct command_line *line, int flag)
{
	return line->flags[flag].kind == FLAG_SWITCH || line->flags[flag].kind == FLAG_OPTIONAL;
}

/* Go's words for true and false (strconv.ParseBool); -1 for any other. */
static int truth(const char *word)
{
	static const char *const words[] = {"0", "f", "F", "false", "FALSE", "False",
					    "1", "t", "T", "true",  "TRUE",  "True"};

	for (unsigned int i = 0; i < ARRAY_LENGTH(words); i++)
		if (text_equal(word, words[i]))
			return i >= ARRAY_LENGTH(words) / 2;
	return -1;
}

static int is_number(const char *text)
{
	uint64_t value = 0;

	if (*text == 0)
		return 0;
	for (; *text >= '0' && *text <= '9'; text++) {
		value = value * 10 + (uint64_t)(*text - '0');
		if (value > SAFE_INTEGER)
			return 0;
	}
	return *text == 0;
}

/* Returns 1 if the next word was used, 0 if not, or -1. */
static int take_value(struct parsed *parsed, const struct command_line *line, int flag, const char *own,
		      const char *next)
{
	unsigned char kind = line->flags[flag].kind;
	const char *value = own ? own : next;

	if (is_switch(line, flag)) {
		int is_true = own ? truth(own) : 1;

		if (is_true < 0)
			return -1;
		if (is_true || kind == FLAG_OPTIONAL)
			parsed->given |= FLAG_BIT(flag);
		else
			parsed->given &= ~FLAG_BIT(flag);
		return 0;
	}
	if (!value)
		return -1;
	if (kind != FLAG_TEXT && kind != FLAG_TEXTS && !is_number(value) &&
	    !(kind == FLAG_NUMBER_OR_NONE && text_equal(value, "-1")))
		return -1;
	if (kind == FLAG_TEXTS && parsed->several_count++ < SEVERAL_MAX)
		parsed->several[parsed->several_count - 1] = value;
	parsed->given |= FLAG_BIT(flag);
	parsed->values[flag] = value;
	return !own;
}

/* Parses "-it". The last flag may have its value in the word: "-w/tmp". */
static int take_short(struct parsed *parsed, const struct command_line *line, const char *word,
		      const char *next)
{
	for (const char *c = word + 1; *c != 0; c++) {
		int flag = find(line, c, 1);

		if (flag < 0)
			return -1;
		if (!is_switch(line, flag)) {
			const char *own = c + 1;

			if (*own == '=')
				own++;
			return take_value(parsed, line, flag, c[1] == 0 ? 0 : own, next);
		}
		take_value(parsed, line, flag, 0, 0);
	}
	return 0;
}

static int take_flag(struct parsed *parsed, const struct command_line *line, const char *word,
		     const char *next)
{
	const char *name = word + (word[1] == '-' ? 2 : 1);
	size_t length = 0;
	int flag;

	while (name[length] != 0 && name[length] != '=')
		length++;
	if (length == 0 || name[0] == '-')
		return -1;
	flag = find(line, name, length);
	if (flag >= 0)
		return take_value(parsed, line, flag, name[length] == '=' ? name + length + 1 : 0, next);
	return line->short_forms && word[1] != '-' ? take_short(parsed, line, word, next) : -1;
}

static void take_argument(struct parsed *parsed, const char *word)
{
	if (parsed->count == 0)
		parsed->first = word;
	if (parsed->count == 1)
		parsed->second = word;
	parsed->count++;
}

int flags_parse(struct parsed *parsed, const struct command_line *line, int count, const char *const *words)
{
	int at = 0;
	int ended = 0;

	zero(parsed, sizeof(*parsed));
	for (; at < count; at++) {
		const char *word = words[at];
		int is_flag = !ended && word[0] == '-' && word[1] != 0;
		int used;

		if (!ended && text_equal(word, "--")) {
			ended = parsed->dashed = 1;
			continue;
		}
		if (!is_flag) {
			if (line->stops && parsed->count == 0)
				parsed->rest = words + at;
			ended |= line->stops;
			take_argument(parsed, word);
			continue;
		}
		used = take_flag(parsed, line, word, at + 1 < count ? words[at + 1] : 0);
		if (used < 0)
			return 0;
		at += used;
	}
	return parsed->count >= line->least && (line->stops || parsed->count <= line->most);
}
