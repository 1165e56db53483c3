#include "environment.h"

#include "../build/command-line.h"
#include "../text.h"

/* The length of the name in NAME=value; 0 if this is no variable. */
static size_t name_length(const char *variable)
{
	size_t n = 0;

	while (variable[n] != 0 && variable[n] != '=')
		n++;
	return variable[n] == '=' ? n : 0;
}

static int has_name(const char *variable, const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (variable[i] != name[i])
			return 0;
	return variable[length] == '=';
}

int are_variables(const struct texts *texts)
{
	for (size_t i = 0; i < texts->count; i++)
		if (name_length(texts->at[i]) == 0)
			return 0;
	return 1;
}

const char *environment_variable(const char *const *envp, const char *name)
{
	const char *found = 0;

	for (; *envp; envp++) {
		const char *value = text_after(*envp, name);

		if (value && *value == '=')
			found = value + 1;
	}
	return found;
}

const char *environment_at(const char *const *envp, const char *const *place)
{
	size_t length = name_length(*place);
	const char *last = *place;

	if (length == 0)
		return 0;
	for (const char *const *other = envp; other < place; other++)
		if (has_name(*other, *place, length))
			return 0;
	for (place++; *place; place++)
		if (has_name(*place, last, length))
			last = *place;
	return last;
}

size_t environment_of_exec(const char **made, const char *const *variables)
{
	size_t count = 0;
	int has_home = 0;

	for (const char *const *place = variables; *place; place++) {
		const char *variable = environment_at(variables, place);

		if (!variable)
			continue;
		has_home |= text_after(variable, HOME_PLACE) != 0;
		made[count++] = variable;
	}
	if (!has_home)
		made[count++] = HOME_PLACE;
	return count;
}

const char *environment_path(const struct texts *variables)
{
	for (size_t i = 0; i < variables->count; i++) {
		const char *path = text_after(variables->at[i], "PATH=");

		if (path)
			return path;
	}
	return DEFAULT_PATH;
}

static char upper(char c)
{
	return (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

/* Whether a name begins with a text in capitals, in any case. */
static int begins(const char *name, size_t length, const char *text)
{
	for (; *text != 0; text++, name++, length--)
		if (length == 0 || upper(*name) != *text)
			return 0;
	return 1;
}

static int contains(const char *name, size_t length, const char *text)
{
	for (; length > 0; name++, length--)
		if (begins(name, length, text))
			return 1;
	return 0;
}

static int ends(const char *name, size_t length, const char *text)
{
	size_t n = text_length(text);

	return n <= length && begins(name + length - n, n, text);
}

static int is_letter(char c)
{
	return c == '_' || (upper(c) >= 'A' && upper(c) <= 'Z');
}

static int is_plain_name(const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!is_letter(name[i]) && (i == 0 || name[i] < '0' || name[i] > '9'))
			return 0;
	for (unsigned int i = 0; i < ARRAY_LENGTH(notable_names); i++)
		if (text_length(notable_names[i]) == length && begins(name, length, notable_names[i]))
			return 0;
	for (unsigned int i = 0; i < ARRAY_LENGTH(notable_ends); i++)
		if (ends(name, length, notable_ends[i]))
			return 0;
	for (unsigned int i = 0; i < ARRAY_LENGTH(notable_parts); i++)
		if (contains(name, length, notable_parts[i]))
			return 0;
	return length > 0;
}

static int is_plain_value(const char *value)
{
	size_t n = 0;

	for (; value[n] != 0; n++) {
		unsigned char c = (unsigned char)value[n];

		/* TypeScript counts the length of text that is not ASCII differently. */
		if (c == '@' || c >= 0x80 || text_after(value + n, "---"))
			return 0;
	}
	return n <= PLAIN_LENGTH || value[0] == '/';
}

int environment_is_plain(const char *variable)
{
	size_t length = name_length(variable);

	return length > 0 && is_plain_name(variable, length) && is_plain_value(variable + length + 1);
}

int environment_is_notable(const char *const *envp, const char *texts, size_t size)
{
	size_t at = 0;

	for (const char *const *place = envp; *place; place++) {
		const char *variable = environment_at(envp, place);
		size_t length;

		if (!variable || environment_is_plain(variable))
			continue;
		length = text_length(variable) + 1;
		if (length > size - at)
			return 0;
		for (size_t i = 0; i < length; i++)
			if (texts[at + i] != variable[i])
				return 0;
		at += length;
	}
	return at == size;
}

/* The fixed variable with the same name, or null. */
static const char *find_fixed(const char *fixed, size_t size, const char *variable)
{
	size_t length = name_length(variable);

	for (size_t at = 0; at < size; at += text_length(fixed + at) + 1)
		if (has_name(fixed + at, variable, length))
			return fixed + at;
	return 0;
}

static int is_given(const char *const *envp, const char *fixed)
{
	size_t length = name_length(fixed);

	for (; *envp; envp++)
		if (name_length(*envp) == length && has_name(*envp, fixed, length))
			return 1;
	return 0;
}

long environment_merge(struct texts *made, const char *const *envp, const char *fixed, size_t size)
{
	size_t most = 1;
	size_t count = 0;
	const char **at;
	long memory;

	for (const char *const *place = envp; *place; place++)
		most++;
	for (size_t i = 0; i < size; i++)
		most += fixed[i] == 0;
	memory = sys_memory(most * sizeof(*at));
	if (memory < 0)
		return memory;
	at = (const char **)(uintptr_t)memory;
	for (const char *const *place = envp; *place; place++) {
		const char *variable = environment_at(envp, place);
		const char *instead = variable ? find_fixed(fixed, size, variable) : 0;

		if (instead)
			at[count++] = instead;
		else if (variable && environment_is_plain(variable))
			at[count++] = variable;
	}
	for (size_t i = 0; i < size; i += text_length(fixed + i) + 1)
		if (!is_given(envp, fixed + i))
			at[count++] = fixed + i;
	*made = (struct texts){at, count};
	return 0;
}
