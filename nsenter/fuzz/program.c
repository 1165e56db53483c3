/* Fuzzes programs: decodes any bytes, and runs the valid ones. The input is the program and the tape. */
#include "../plan/program.h"

#include "tape.h"
#include "kernel.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t tape = fuzz_tape_size(data, size);
	size_t length = size - tape;
	/*
	 * A copy of the exact size, so that an access beyond it is noticed. Programs are
	 * 8-aligned, as from mmap(2).
	 */
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

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t limit, unsigned int seed)
{
	size = LLVMFuzzerMutate(data, size, limit);
	if (seed % 16 != 0)
		fuzz_fix_program(data, size - fuzz_tape_size(data, size));
	return size;
}
