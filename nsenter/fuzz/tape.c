#include "tape.h"

#include "../plan/program.h"

#include <string.h>

#define TAPE_UNIT 4

size_t fuzz_tape_size(const uint8_t *data, size_t size)
{
	size_t tape = size > 0 ? (size_t)data[size - 1] * TAPE_UNIT + 1 : 0;

	return tape > size ? size : tape;
}

void fuzz_fix_program(uint8_t *data, size_t length)
{
	struct program_header header;
	uint64_t fixed;

	if (length < sizeof(header))
		return;
	memcpy(&header, data, sizeof(header));
	fixed = sizeof(header) + (uint64_t)header.ops * sizeof(struct op) +
		(uint64_t)header.relocations * sizeof(struct relocation);
	if (fixed >= length)
		return;
	header.magic = PROGRAM_MAGIC;
	header.once = header.once % (header.ops + 1);
	header.blob = (uint32_t)(length - fixed);
	data[length - 1] = 0;
	memcpy(data, &header, sizeof(header));
}
