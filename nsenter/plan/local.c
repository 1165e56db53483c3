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
			  struct failure *failures, size_t runs);

/*
 * Called by bun:ffi. Runs a plan `runs` times. Each run has the next `count` slots, which contain its
 * values before and after it; the other slots are those that the run before has left. It also has the
 * next failure, whose error is only set if the run fails. Returns the result of the last run.
 */
BRUN_EXPORT long brun_run(unsigned char *data, size_t size, int64_t *slots, size_t count,
			  struct failure *failures, size_t runs)
{
	static struct machine machine;
	long result = 0;

	if (count > PROGRAM_SLOTS)
		return -EINVAL;
	machine_clear(&machine);
	machine_know(&machine, (uint32_t)count);
	for (size_t i = 0; i < runs; i++, slots += count) {
		copy(machine.slots, slots, count * sizeof(*slots));
		result = local_run(&machine, data, size, &failures[i]);
		copy(slots, machine.slots, count * sizeof(*slots));
	}
	return result;
}
