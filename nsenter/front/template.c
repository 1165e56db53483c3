#include "template.h"

#include "../plan/program.h"

#include <linux/mman.h>

/* The words become further strings, behind those of the template. */
static size_t append_words(unsigned char *strings, const struct command *command,
			   struct relocation *relocations, uint32_t at)
{
	size_t length = 0;

	for (unsigned int i = 0; i < command->word_count; i++) {
		size_t n = text_length(command->words[i]) + 1;

		copy(strings + length, command->words[i], n);
		relocations[i].target = at + (uint32_t)length;
		length += n;
	}
	return length;
}

static void fill_operations(struct op *ops, uint32_t count, uint32_t file)
{
	for (uint32_t i = 0; i < count; i++)
		if (ops[i].kind == OP_FIND || ops[i].kind == OP_EXECUTE)
			ops[i].args[0] = file;
}

unsigned char *template_fill(unsigned char *template, size_t template_size, const struct command *command,
			     size_t *size)
{
	struct program_header header;
	struct program program;
	size_t words = 0;
	size_t fixed;
	uint32_t strings;
	unsigned char *data;
	unsigned char *at;
	long memory;

	/* From here on sizes and offsets are known to be right. */
	if (program_decode(&program, template, template_size) < 0)
		return 0;
	header = *(const struct program_header *)(const void *)template;
	for (unsigned int i = 0; i < command->word_count; i++)
		words += text_length(command->words[i]) + 1;
	if (command->word_count == 0 || command->word_count > TEMPLATE_ARGUMENTS ||
	    header.relocations < TEMPLATE_ARGUMENTS || words > PROGRAM_MAX / 2)
		return 0;
	header.relocations -= TEMPLATE_ARGUMENTS;
	fixed = sizeof(header) + header.ops * sizeof(struct op) +
		header.relocations * sizeof(struct relocation);
	strings = header.blob - header.strings;
	*size = fixed + command->word_count * sizeof(struct relocation) + header.blob + words;
	memory = sys6(__NR_mmap, 0, (long)*size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory < 0)
		return 0;
	data = (unsigned char *)(uintptr_t)memory;
	/* All up to the first word's relocation, the words' relocations as they are, and the blob. */
	copy(data, template, fixed + command->word_count * sizeof(struct relocation));
	at = data + fixed + command->word_count * sizeof(struct relocation);
	copy(at, template + template_size - header.blob, header.blob);
	fill_operations((struct op *)(void *)(data + sizeof(header)), header.ops, strings);
	append_words(at + header.blob, command, (struct relocation *)(void *)(data + fixed), strings);
	header.relocations += command->word_count;
	header.blob += (uint32_t)words;
	*(struct program_header *)(void *)data = header;
	return data;
}
