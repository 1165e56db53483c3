/*
 * A program: a flat list of operations that the stage executes one after the other. src/plan/program.ts makes them.
 *
 *   header | ops | relocations | blob
 *
 * The blob is structs followed, from `strings` on, by NUL-terminated strings. Jumps only go forward, so every program ends.
 */
#ifndef BRUN_PROGRAM_H
#define BRUN_PROGRAM_H

#include "../sys.h"

struct program {
	const struct op *ops;
	const struct relocation *relocations;
	unsigned char *blob;
	uint32_t op_count;
	uint32_t relocation_count;
	uint32_t blob_size;
	uint32_t strings;
};

/* Checks every index, offset and jump of size bytes at data. Returns 0 or -errno (EBADMSG, EPROTO). */
long program_decode(struct program *program, unsigned char *data, size_t size);

/* Makes the blob's pointers. Call once after program_decode. */
void program_relocate(const struct program *program);

/* What a running program can reach; slots live on from one program to the next. */
struct machine {
	int sync; /* socket to brun, or -1: OP_SEND and OP_CLONE fail with EBADF */
	int said; /* what the hook that has failed wrote to stderr, or -1 */
	int64_t slots[PROGRAM_SLOTS];
};

/* A machine that has not run a program yet, without a socket. */
BRUN_INLINE void machine_clear(struct machine *machine)
{
	machine->sync = machine->said = -1;
	for (unsigned int i = 0; i < PROGRAM_SLOTS; i++)
		machine->slots[i] = -1;
}

/* Runs a program to its end. Returns 0, or -1 with *failure set. Does not return after a successful execve. */
int program_run(struct machine *machine, const struct program *program, struct failure *failure);

#endif
