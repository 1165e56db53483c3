#include "sandbox.h"

#include "environment.h"
#include "holes.h"
#include "json.h"

#define HOST_VARIABLE "HOSTNAME="

struct manner sandbox_manner(const struct plan_file *plan)
{
	struct manner manner = {0, 0, 0, 0};
	size_t size;
	const unsigned char *part = plan_part(plan, PART_MANNER, &size);

	if (part && size == sizeof(manner))
		copy(&manner, part, size);
	return manner;
}

/* Appends random digits. 0 or -errno. */
static long add_digits(char *to)
{
	unsigned char random[NAME_DIGITS / 2];
	long n = sys3(__NR_getrandom, random, sizeof(random), 0);

	if (n != (long)sizeof(random))
		return n < 0 ? n : -EIO;
	for (unsigned int i = 0; i < NAME_DIGITS; i++)
		to[i] = "0123456789abcdef"[random[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
	to[NAME_DIGITS] = 0;
	return 0;
}

const char *sandbox_name(const struct plan_file *plan, const struct manner *manner)
{
	static char name[ID_MAX + 1];
	size_t size;
	const char *text = (const char *)plan_part(plan, PART_NAME, &size);

	if (!text || size + NAME_DIGITS > sizeof(name) || text_length(text) + 1 != size)
		return 0;
	copy(name, text, size);
	if ((manner->flags & MANNER_MADE_UP) != 0 && add_digits(name + size - 1) < 0)
		return 0;
	return name;
}

/* Sets a list, and the same list as JSON. */
static long set_list(struct values *values, enum hole_kind list, enum hole_kind json,
		     const struct texts *texts, const char **text)
{
	*text = json_list(texts);
	if (!*text)
		return -EILSEQ;
	values->of[list] = *texts;
	values->of[json] = (struct texts){text, 1};
	return 0;
}

/* Puts the words of the command line after those of the entrypoint. */
static long add_entrypoint(const struct plan_file *plan, const struct texts *words, struct texts *all)
{
	size_t size;
	const char *texts = (const char *)plan_part(plan, PART_ENTRYPOINT, &size);
	size_t count = 0;
	const char **at;
	long memory;

	if (!texts)
		size = 0;
	else if (texts[size - 1] != 0)
		return -EBADMSG;
	memory = sys_memory((size + words->count) * sizeof(*at));
	if (memory < 0)
		return memory;
	at = (const char **)(uintptr_t)memory;
	for (size_t i = 0; i < size; i += text_length(texts + i) + 1)
		at[count++] = texts + i;
	for (size_t i = 0; i < words->count; i++)
		at[count++] = words->at[i];
	*all = (struct texts){at, count};
	return 0;
}

static const char *host_variable(const char *name)
{
	static char variable[sizeof(HOST_VARIABLE) + ID_MAX];

	copy(variable, HOST_VARIABLE, sizeof(HOST_VARIABLE) - 1);
	copy(variable + sizeof(HOST_VARIABLE) - 1, name, text_length(name) + 1);
	return variable;
}

/* Without the text as JSON a plan that needs that is not run. */
static void set_directory(struct values *values, const char *directory)
{
	static const char *paths[2];
	static const char *text;
	struct texts texts = {paths, 2};
	char *list;

	paths[0] = directory;
	paths[1] = directory[1] != 0 ? directory + 1 : ".";
	values->of[HOLE_CWD] = texts;
	texts.count = 1;
	list = (char *)(uintptr_t)json_list(&texts);
	if (!list)
		return;
	/* The list without its brackets. */
	list[text_length(list) - 1] = 0;
	text = list + 1;
	values->of[HOLE_CWD_TEXT] = (struct texts){&text, 1};
}

long sandbox_values(const struct plan_file *plan, const struct manner *manner, const struct command *command,
		    const char *name, struct values *values)
{
	static const char *argument_list;
	static const char *environment_list;
	static const char *host;
	struct texts environment;
	struct texts words;
	size_t size;
	const char *fixed;
	long result = 0;

	if (command->directory)
		set_directory(values, command->directory);
	host = host_variable(name);
	values->of[HOLE_HOST_VARIABLE] = (struct texts){&host, 1};
	if (command->words.count > 0)
		result = add_entrypoint(plan, &command->words, &words);
	if (result == 0 && command->words.count > 0)
		result = set_list(values, HOLE_ARGUMENT, HOLE_ARGUMENT_LIST, &words, &argument_list);
	if (result < 0 || (manner->flags & MANNER_ENVIRONMENT) == 0)
		return result;
	fixed = (const char *)plan_part(plan, PART_VARIABLES, &size);
	if (fixed && fixed[size - 1] != 0)
		return -EBADMSG;
	result = environment_merge(&environment, command->envp, fixed, size);
	return result < 0 ? result
			  : set_list(values, HOLE_ENVIRONMENT, HOLE_ENVIRONMENT_LIST, &environment,
				     &environment_list);
}
