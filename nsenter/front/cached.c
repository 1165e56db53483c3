#include "cached.h"

#include "checksum.h"
#include "loader.h"

#include <linux/fcntl.h>
#include <linux/stat.h>

#define OLD_KEYRING "--no-new-keyring" /* as find_bundle() has it */

static const struct cached_header *header_of(const struct cached *cached)
{
	return (const struct cached_header *)(const void *)cached->file.data;
}

unsigned char *cached_part(const struct cached *cached, enum cached_part index, size_t *size)
{
	struct part part = header_of(cached)->parts[index];

	*size = part.size;
	return part.size > 0 ? cached->file.data + part.offset : 0;
}

/* They are in programs: anywhere else an id could change what has been checked. */
static int check_ids(const struct cached *cached)
{
	uint32_t begin = header_of(cached)->parts[PART_ENTER].offset;
	uint32_t end = header_of(cached)->parts[PART_STATE].offset;
	size_t size;
	const uint32_t *at = (const void *)cached_part(cached, PART_IDS, &size);

	for (size_t i = 0; at && i < size / sizeof(*at); i++)
		if (at[i] < begin || at[i] > end || ID_MAX + 1 > end - at[i])
			return 0;
	return 1;
}

static const struct input *inputs_of(const struct cached *cached, size_t *count)
{
	size_t size;
	const struct input *inputs = (const void *)cached_part(cached, PART_GUARD, &size);

	*count = size / sizeof(*inputs);
	return inputs;
}

static int check_guard(const struct cached *cached)
{
	size_t count;
	const struct input *inputs = inputs_of(cached, &count);

	for (size_t i = 0; i < count; i++)
		if (!guard_fits(&inputs[i], cached->file.data, cached->file.size))
			return 0;
	/* Nothing can be compiled without a question. */
	return count > 0;
}

/* They stand one after the other, with what the inputs are about before these. */
static int check_parts(const struct cached *cached)
{
	uint64_t end = sizeof(struct cached_header);

	for (unsigned int i = 0; i < PARTS; i++) {
		struct part part = header_of(cached)->parts[i];

		if (!part_fits(part, sizeof(struct cached_header), cached->file.size) || part.offset < end ||
		    (part.offset > end && i != PART_GUARD))
			return 0;
		end = ((uint64_t)part.offset + part.size + 7) & ~7ULL;
	}
	return end == cached->file.size;
}

static long check_file(const struct cached *cached)
{
	const struct cached_header *header = header_of(cached);

	const unsigned char *summed = (const unsigned char *)header->parts;

	if (header->magic != CACHED_MAGIC || header->build != behind_front.build ||
	    header->size != cached->file.size || header->size % 8 != 0 ||
	    header->checksum != checksum(summed, header->size - CACHED_SUMMED_FROM))
		return -EPROTO;
	return check_parts(cached) && check_ids(cached) && check_guard(cached) ? 0 : -EBADMSG;
}

static int holds(const unsigned char *bytes, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != (unsigned char)text[i])
			return 0;
	return 1;
}

static int is_same_command(const struct cached *cached, const struct command *command)
{
	size_t bundle = text_length(command->bundle) + 1;
	size_t flag = command->old_keyring ? sizeof(OLD_KEYRING) : 0;
	size_t size;
	const unsigned char *key = cached_part(cached, PART_KEY, &size);

	return key && size == bundle + flag && holds(key, command->bundle, bundle) &&
	       holds(key + bundle, OLD_KEYRING, flag);
}

/* The lines go to stderr as they are: where they would go elsewhere, Bun writes them. */
static int may_warn(const struct cached *cached, const struct command *command)
{
	size_t size;

	return !cached_part(cached, PART_WARNINGS, &size) || (!command->log && !command->json);
}

static int is_good(const struct cached *cached, const struct command *command)
{
	size_t count;
	const struct input *inputs = inputs_of(cached, &count);

	return is_same_command(cached, command) && may_warn(cached, command) &&
	       guard_agrees(inputs, count, cached->file.data, command->envp);
}

/* FNV-1a. */
static uint32_t hash(const char *text)
{
	uint32_t value = 2166136261U;

	for (; *text != 0; text++)
		value = (value ^ (unsigned char)*text) * 16777619U;
	return value;
}

static long read_file(struct cached *cached, const char *bundle)
{
	static const char digits[] = "0123456789abcdef";
	uint32_t slot = hash(bundle) % CACHED_SLOTS;
	char name[3] = {digits[slot / 16], digits[slot % 16], 0};
	long directory = sys4(__NR_openat, cached->root, CACHED_DIRECTORY,
			      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	long result;

	if (directory < 0)
		return directory;
	result = file_own(directory, S_IFDIR, CACHED_MAX);
	if (result >= 0)
		result = file_read_own(directory, name, sizeof(struct cached_header), CACHED_MAX,
				       &cached->file);
	sys1(__NR_close, directory);
	return result;
}

long cached_open(struct cached *cached, const struct command *command)
{
	long result;

	cached->file.data = 0;
	cached->root = sys4(__NR_openat, AT_FDCWD, command->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (cached->root < 0)
		return cached->root;
	result = read_file(cached, command->bundle);
	if (result == 0)
		result = check_file(cached);
	if (result == 0 && !is_good(cached, command))
		result = -ESTALE;
	if (result < 0)
		cached_close(cached);
	return result;
}

void cached_close(const struct cached *cached)
{
	sys1(__NR_close, cached->root);
	if (cached->file.data)
		file_forget(&cached->file);
}
