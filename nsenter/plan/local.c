#include "local.h"

long local_run(struct machine *machine, unsigned char *data, size_t size, struct failure *failure)
{
	struct program program;
	long result = program_decode(&program, data, size);

	if (result < 0) {
		failure->op = UINT32_MAX;
		failure->error = (int32_t)-result;
		return result;
	}
	program_relocate(&program);
	return program_run(machine, &program, failure) < 0 ? -failure->error : 0;
}

int local_has_begun(const unsigned char *data, size_t size, const struct failure *failure)
{
	const struct program_header *header = (const struct program_header *)(const void *)data;

	return size >= sizeof(*header) && failure->op != UINT32_MAX && failure->op >= header->once;
}

BRUN_EXPORT long brun_run(unsigned char *data, size_t size, int64_t *slots, size_t count,
			  struct failure *failure);

/* For bun:ffi. The first slots are given, and are there again with what the plan has put into them. */
BRUN_EXPORT long brun_run(unsigned char *data, size_t size, int64_t *slots, size_t count,
			  struct failure *failure)
{
	static struct machine machine;
	long result;

	if (count > PROGRAM_SLOTS)
		return -EINVAL;
	machine_clear(&machine);
	copy(machine.slots, slots, count * sizeof(*slots));
	result = local_run(&machine, data, size, failure);
	copy(slots, machine.slots, count * sizeof(*slots));
	return result;
}
