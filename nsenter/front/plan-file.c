#include "plan-file.h"

#include "checksum.h"
#include "guard.h"
#include "handover.h"
#include "input.h"
#include "loader.h"
#include "sandbox.h"

#include <linux/fcntl.h>
#include <linux/stat.h>

#define NUMBER_DIGITS 8 /* of the name of a run's file */

static const struct plan_header *header_of(const struct plan_file *plan)
{
	return (const struct plan_header *)(const void *)plan->file.data;
}

unsigned char *plan_part(const struct plan_file *plan, enum plan_part index, size_t *size)
{
	struct part part = header_of(plan)->parts[index];

	*size = part.size;
	return part.size > 0 ? plan->file.data + part.offset : 0;
}

/*
 * Checks that the parts follow each other, with the data of the inputs before them. Otherwise a program could
 * overlap another part, and change data that was checked.
 */
static int check_parts(const struct plan_file *plan)
{
	uint64_t end = sizeof(struct plan_header);

	for (unsigned int i = 0; i < PARTS; i++) {
		struct part part = header_of(plan)->parts[i];

		if (part.size == 0)
			continue;
		if (!part_fits(part, sizeof(struct plan_header), plan->file.size) || part.offset < end ||
		    (part.offset > end && i != PART_GUARD))
			return 0;
		end = ((uint64_t)part.offset + part.size + 7) & ~7ULL;
	}
	return end == plan->file.size;
}

static const struct input *inputs_of(const struct plan_file *plan, size_t *count)
{
	size_t size;
	const struct input *inputs = (const void *)plan_part(plan, PART_GUARD, &size);

	*count = size / sizeof(*inputs);
	return inputs;
}

static int check_guard(const struct plan_file *plan)
{
	size_t count;
	const struct input *inputs = inputs_of(plan, &count);

	for (size_t i = 0; i < count; i++)
		if (!guard_fits(&inputs[i], plan->file.data, plan->file.size))
			return 0;
	/* Compiling always asks questions. */
	return count > 0;
}

long plan_check(const struct plan_file *plan)
{
	const struct plan_header *header = header_of(plan);
	const unsigned char *summed = (const unsigned char *)header->parts;

	if (header->magic != PLAN_MAGIC || header->build != behind_front.build ||
	    header->size != plan->file.size || header->size % 8 != 0 ||
	    header->checksum != checksum(summed, header->size - PLAN_SUMMED_FROM))
		return -EPROTO;
	return check_parts(plan) && check_guard(plan) ? 0 : -EBADMSG;
}

/* Whether the bytes begin with a text and its NUL. */
static int holds(const unsigned char *bytes, size_t size, const char *text)
{
	size_t length = text_length(text) + 1;

	for (size_t i = 0; i < length; i++)
		if (!bytes || i == size || bytes[i] != (unsigned char)text[i])
			return 0;
	return 1;
}

static int is_for(const struct plan_file *plan, const struct texts *key)
{
	size_t size;
	const unsigned char *bytes = plan_part(plan, PART_KEY, &size);

	for (size_t i = 0; i < key->count; i++) {
		size_t length = text_length(key->at[i]) + 1;

		if (!holds(bytes, size, key->at[i]))
			return 0;
		bytes += length;
		size -= length;
	}
	return size == 0;
}

/*
 * Whether the front may print the plan's warnings, which it can only write to stderr as they
 * are. Otherwise Bun has to.
 */
static int may_warn(const struct plan_file *plan, const struct command *command)
{
	size_t size;

	return !plan_part(plan, PART_WARNINGS, &size) || (!command->log && !command->json);
}

int plan_agrees(const struct plan_file *plan, const struct command *command)
{
	size_t count;
	const struct input *inputs = inputs_of(plan, &count);

	/* Questions about stdin are about the program's stdin. */
	if ((sandbox_manner(plan).flags & MANNER_EMPTY_STDIN) != 0 &&
	    (handover_has_started() || !input_empty()))
		return 0;
	/* The stage starts while the questions are asked. */
	if (command->part == PART_ENTER)
		handover_start();
	return guard_agrees(inputs, count, plan->file.data, command->envp);
}

/* Whether the file is in the state directory's own one, and not in a container's. */
static int is_cached(const struct command *command)
{
	return command->part == PART_ENTER || command->part == PART_LIST_READ;
}

/*
 * The number of a run's file: FNV-1a of its key with a NUL between the texts, like planPath() of
 * src/container/lifecycle/cached-files.ts.
 */
static uint32_t number_of(const struct texts *texts)
{
	uint32_t value = 2166136261U;

	for (size_t i = 0; i < texts->count; i++) {
		if (i > 0)
			value *= 16777619U;
		for (const char *text = texts->at[i]; *text != 0; text++)
			value = (value ^ (unsigned char)*text) * 16777619U;
	}
	return value;
}

/* The name of the file. number: room for that of a run. */
static const char *name_of_file(const struct command *command, char *number)
{
	static const char digits[] = "0123456789abcdef";
	uint32_t value;

	if (command->part != PART_ENTER)
		return is_cached(command) ? LIST_FILE : PLANS_FILE;
	value = number_of(&command->key);
	for (unsigned int i = 0; i < NUMBER_DIGITS; i++)
		number[i] = digits[value >> 4 * (NUMBER_DIGITS - 1 - i) & 15];
	number[NUMBER_DIGITS] = 0;
	return number;
}

static long read_file(struct plan_file *plan, const struct command *command)
{
	char number[NUMBER_DIGITS + 1];
	long result = file_own(plan->directory, S_IFDIR, PLAN_MAX);

	if (result >= 0)
		result = file_read_own(plan->directory, name_of_file(command, number),
				       sizeof(struct plan_header), PLAN_MAX, &plan->file);
	return result < 0 ? result : plan_check(plan);
}

long plan_open(struct plan_file *plan, const struct command *command)
{
	const char *name = is_cached(command) ? CACHED_DIRECTORY : command->id;
	char path[PATH_SIZE];
	long result = path_append(path, 0, command->root, text_length(command->root));

	result = path_append(path, result, "/", 1);
	result = path_append(path, result, name, text_length(name));
	if (result < 0)
		return result;
	plan->file.data = 0;
	plan->directory = sys4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
			       0);
	if (plan->directory < 0)
		return plan->directory;
	result = read_file(plan, command);
	if (result == 0 && (!is_for(plan, &command->key) || !may_warn(plan, command)))
		result = -ESTALE;
	if (result < 0)
		plan_close(plan);
	return result;
}

void plan_close(const struct plan_file *plan)
{
	sys1(__NR_close, plan->directory);
	if (plan->file.data)
		file_forget(&plan->file);
}
