#include "holes.h"

#include "../plan/program.h"

/*
 * A program under construction: header, operations and relocations | new relocations | structs |
 * arrays | strings | texts.
 */
struct filling {
	const struct values *values;
	const unsigned char *program;
	struct part part;
	struct program_header header;
	size_t head; /* the size of the part before the new relocations */
	/* Sizes of the new parts, in bytes. */
	size_t relocations;
	size_t arrays;
	size_t texts;
	/* What HOME_PLACE refers to, as a relocation has it, and whether a list has that. */
	uint32_t home;
	int has_home;
	int needs_home;
	/* The result, and how many bytes of each new part are written. */
	unsigned char *data;
	size_t relocated;
	size_t listed;
	size_t written;
};

static int is_in(const struct hole *hole, const struct filling *filling)
{
	return hole->at >= filling->part.offset && hole->at - filling->part.offset < filling->part.size;
}

static int is_open(const struct filling *filling, const struct hole *hole)
{
	return hole->kind == HOLE_HOME || (filling->values->open & (1U << hole->kind)) != 0;
}

/* Parses a decimal number. Returns whether it is one. */
static int to_number(const char *text, uint64_t *number)
{
	*number = 0;
	if (*text == 0)
		return 0;
	for (; *text != 0; text++) {
		if (*text < '0' || *text > '9')
			return 0;
		*number = *number * 10 + (uint64_t)(*text - '0');
	}
	return 1;
}

/* The text that a place in the program refers to; null if there is none. */
static const char *text_at(const struct filling *filling, size_t at)
{
	const struct program_header *header = &filling->header;
	const unsigned char *end = filling->program + filling->part.size;
	uint32_t place;

	copy(&place, filling->program + at, sizeof(place));
	if (place >= header->blob - header->strings || end[-1] != 0)
		return 0;
	return (const char *)(end - (header->blob - header->strings) + place);
}

/* Writes a text with the holes in it filled in, or nothing to null. Its size with a NUL; 0 if a value is missing. */
static size_t expand(const struct filling *filling, const char *text, unsigned char *to)
{
	size_t size = 0;

	for (; *text != 0; text++) {
		unsigned int kind = (unsigned char)*text - HOLE_MARK;
		const char *from = text;
		size_t length = 1;

		if (kind < HOLES) {
			if (filling->values->of[kind].count == 0)
				return 0;
			from = filling->values->of[kind].at[0];
			length = text_length(from);
		}
		if (to)
			copy(to + size, from, length);
		size += length;
	}
	if (to)
		to[size] = 0;
	return size + 1;
}

static int is_home(unsigned int kind, const char *text)
{
	return kind == HOLE_ENVIRONMENT && text_equal(text, HOME_PLACE);
}

/* Adds the space that a hole needs. Returns 0, or -EBADMSG if it cannot be filled. */
static long measure(struct filling *filling, const struct hole *hole)
{
	size_t at = hole->at - filling->part.offset;
	const struct texts *texts = hole->kind < HOLES ? &filling->values->of[hole->kind] : 0;
	uint64_t number;

	if (texts && hole->kind == HOLE_HOME && at + sizeof(filling->home) <= filling->head) {
		copy(&filling->home, filling->program + at, sizeof(filling->home));
		filling->has_home = 1;
	}
	if (texts && is_open(filling, hole))
		return 0;
	if (hole->index == AS_NUMBER && at + sizeof(number) > filling->head)
		return -EBADMSG;
	if (!texts || at < sizeof(filling->header) || at + sizeof(uint32_t) > filling->head)
		return -EBADMSG;
	if (hole->kind == HOLE_TEXT) {
		const char *text = text_at(filling, at);
		size_t size = text ? expand(filling, text, 0) : 0;

		filling->texts += size;
		return size > 0 ? 0 : -EBADMSG;
	}
	if (!texts->at)
		return -EBADMSG;
	if (hole->index == AS_NUMBER)
		return to_number(texts->at[0], &number) ? 0 : -EBADMSG;
	if (hole->index != WHOLE_LIST) {
		if (hole->index >= texts->count)
			return -EBADMSG;
		filling->texts += text_length(texts->at[hole->index]) + 1;
		return 0;
	}
	for (size_t i = 0; i < texts->count; i++) {
		filling->texts += text_length(texts->at[i]) + 1;
		filling->needs_home |= is_home(hole->kind, texts->at[i]);
	}
	filling->relocations += texts->count * sizeof(struct relocation);
	filling->arrays += (texts->count + 1) * sizeof(uint64_t);
	return 0;
}

/* Where the next text is put, behind the strings. */
static unsigned char *next_text(const struct filling *filling)
{
	return filling->data + filling->part.size + filling->relocations + filling->arrays + filling->written;
}

/* Counts a text that has been put there. Returns its offset among the strings. */
static uint32_t put_text(struct filling *filling, size_t size)
{
	size_t place = filling->header.blob - filling->header.strings + filling->written;

	filling->written += size;
	return (uint32_t)place;
}

static uint32_t add_text(struct filling *filling, const char *text)
{
	size_t size = text_length(text) + 1;

	copy(next_text(filling), text, size);
	return put_text(filling, size);
}

/* Appends an array to the structs. Returns its offset in the blob. */
static uint32_t add_list(struct filling *filling, unsigned int kind, const struct texts *texts)
{
	uint32_t place = filling->header.strings + (uint32_t)filling->listed;

	for (size_t i = 0; i < texts->count; i++) {
		struct relocation relocation = {place + (uint32_t)(i * sizeof(uint64_t)), filling->home};

		if (!is_home(kind, texts->at[i]))
			relocation.target = add_text(filling, texts->at[i]);

		copy(filling->data + filling->head + filling->relocated, &relocation, sizeof(relocation));
		filling->relocated += sizeof(relocation);
	}
	filling->listed += (texts->count + 1) * sizeof(uint64_t);
	return place;
}

static void fill(struct filling *filling, const struct hole *hole)
{
	const struct texts *texts = &filling->values->of[hole->kind];
	unsigned char *to = filling->data + (hole->at - filling->part.offset);
	uint64_t number;
	uint32_t place;

	if (hole->kind == HOLE_TEXT) {
		const char *text = text_at(filling, hole->at - filling->part.offset);

		place = put_text(filling, expand(filling, text, next_text(filling)));
	} else if (hole->index == AS_NUMBER) {
		to_number(texts->at[0], &number);
		copy(to, &number, sizeof(number));
		return;
	} else {
		place = hole->index == WHOLE_LIST ? add_list(filling, hole->kind, texts)
						  : add_text(filling, texts->at[hole->index]);
	}
	copy(to, &place, sizeof(place));
}

static void put_together(struct filling *filling)
{
	const struct program_header *header = &filling->header;
	const unsigned char *structs = filling->program + filling->head;
	struct program_header *filled = (void *)filling->data;
	unsigned char *to = filling->data;

	copy(to, filling->program, filling->head);
	to += filling->head + filling->relocations;
	copy(to, structs, header->strings);
	to += header->strings + filling->arrays;
	copy(to, structs + header->strings, header->blob - header->strings);
	filled->relocations += (uint32_t)(filling->relocations / sizeof(struct relocation));
	filled->blob += (uint32_t)(filling->arrays + filling->texts);
	filled->strings += (uint32_t)filling->arrays;
}

/* Checks that its parts have valid positions. The decoder checks the rest before it runs. */
static int is_program(const struct filling *filling)
{
	const struct program_header *header = &filling->header;

	return filling->part.size >= sizeof(*header) &&
	       header->blob <= filling->part.size - sizeof(*header) && header->strings <= header->blob &&
	       header->strings % 8 == 0;
}

unsigned char *holes_fill(const struct plan_file *plan, enum plan_part index, const struct values *values,
			  size_t *size)
{
	unsigned char *program = plan_part(plan, index, size);
	struct filling filling = {.values = values, .program = program};
	const struct hole *holes;
	size_t count;
	size_t found = 0;
	long memory;

	if (!program || *size < sizeof(filling.header))
		return 0;
	filling.part = (struct part){(uint32_t)(program - plan->file.data), (uint32_t)*size};
	copy(&filling.header, program, sizeof(filling.header));
	if (!is_program(&filling))
		return 0;
	filling.head = *size - filling.header.blob;
	holes = (const void *)plan_part(plan, PART_HOLES, &count);
	count /= sizeof(*holes);
	for (size_t i = 0; i < count; i++)
		if (is_in(&holes[i], &filling)) {
			if (measure(&filling, &holes[i]) < 0)
				return 0;
			found += !is_open(&filling, &holes[i]);
		}
	if (filling.needs_home && !filling.has_home)
		return 0;
	if (found == 0)
		return program;
	*size += filling.relocations + filling.arrays + filling.texts;
	memory = *size > PROGRAM_MAX ? -E2BIG : sys_memory(*size);
	if (memory < 0)
		return 0;
	filling.data = (unsigned char *)(uintptr_t)memory;
	put_together(&filling);
	for (size_t i = 0; i < count; i++)
		if (is_in(&holes[i], &filling) && !is_open(&filling, &holes[i]))
			fill(&filling, &holes[i]);
	return filling.data;
}

/* The offset in the blob of the list that takes the place of a hole. -1 if there is none. */
static int64_t find_list(const struct plan_file *plan, const struct filling *filling, enum hole_kind kind)
{
	size_t count;
	const struct hole *holes = (const void *)plan_part(plan, PART_HOLES, &count);
	uint32_t list;

	for (size_t i = 0; i < count / sizeof(*holes); i++) {
		size_t at = holes[i].at - filling->part.offset;

		if (!is_in(&holes[i], filling) || holes[i].kind != kind || holes[i].index != WHOLE_LIST ||
		    at + sizeof(list) > filling->part.size)
			continue;
		copy(&list, filling->program + at, sizeof(list));
		return list;
	}
	return -1;
}

long holes_list(const struct plan_file *plan, enum plan_part index, enum hole_kind kind, const char **at,
		size_t most)
{
	struct program program;
	struct filling filling;
	size_t size;
	size_t count = 0;
	unsigned char *data = plan_part(plan, index, &size);
	int64_t list;

	if (!data || program_decode(&program, data, size) < 0 || program.strings == program.blob_size)
		return -EBADMSG;
	filling.program = data;
	filling.part = (struct part){(uint32_t)(data - plan->file.data), (uint32_t)size};
	list = find_list(plan, &filling, kind);
	if (list < 0)
		return -ENOENT;
	/* A later relocation of the same place counts. */
	for (uint32_t i = 0; i < program.relocation_count; i++) {
		const struct relocation *relocation = &program.relocations[i];
		int64_t place = ((int64_t)relocation->at - list) / (int64_t)sizeof(uint64_t);

		if (relocation->at < list || place >= (int64_t)count + 1)
			continue;
		if ((size_t)place >= most)
			return -E2BIG;
		at[place] = (const char *)program.blob + relocation_target(&program, relocation);
		if ((size_t)place == count)
			count++;
	}
	return (long)count;
}

void holes_forget(const struct plan_file *plan, unsigned char *program, size_t size)
{
	const unsigned char *file = plan->file.data;

	if (program && (program < file || program >= file + plan->file.size))
		sys2(__NR_munmap, program, size);
}
