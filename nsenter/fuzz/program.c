/*
 * Programs: decoding whatever comes, and running what has been found good. The input is the program, then the
 * kernel's answers, then one byte with the number of these in units of four.
 */
#include "../program.h"

#include "kernel.h"

#include <stdlib.h>
#include <string.h>

#define TAPE_UNIT 4

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t limit);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t limit, unsigned int seed);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t tape_size(const uint8_t *data, size_t size)
{
	size_t tape = size > 0 ? (size_t)data[size - 1] * TAPE_UNIT + 1 : 0;

	return tape > size ? size : tape;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t tape = tape_size(data, size);
	size_t length = size - tape;
	/* A copy of its exact size: a byte beyond it is seen. Programs come 8-aligned, as from mmap(2). */
	unsigned char *bytes = malloc(length > 0 ? length : 1);
	struct machine *machine = calloc(1, sizeof(*machine));
	struct failure failure;
	struct program program;

	memcpy(bytes, data, length);
	fuzz_tape(data + length, tape > 0 ? tape - 1 : 0);
	if (program_decode(&program, bytes, length) == 0 && setjmp(fuzz_exit) == 0) {
		program_relocate(&program);
		program_run(machine, &program, &failure);
	}
	free(machine);
	free(bytes);
	return 0;
}

/* Most changes of the size are no more than that: the header is put right, so that they go further. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t limit, unsigned int seed)
{
	struct program_header header;
	uint64_t fixed;
	size_t length;

	size = LLVMFuzzerMutate(data, size, limit);
	length = size - tape_size(data, size);
	if (length < sizeof(header) || seed % 16 == 0)
		return size;
	memcpy(&header, data, sizeof(header));
	fixed = sizeof(header) + (uint64_t)header.ops * sizeof(struct op) +
		(uint64_t)header.relocations * sizeof(struct relocation);
	if (fixed >= length)
		return size;
	header.magic = PROGRAM_MAGIC;
	header.reserved = 0;
	header.blob = (uint32_t)(length - fixed);
	data[length - 1] = 0;
	memcpy(data, &header, sizeof(header));
	return size;
}
