/*
 * A program: a flat list of operations that the stage executes one after the other. src/plan/program.ts makes it.
 *
 *   header | ops | relocations | blob
 *
 * The blob contains structs, followed at `strings` by NUL-terminated strings. Jumps go only
 * forward, so every program ends.
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
	uint64_t last_slot; /* of all operations */
};

/* Checks every index, offset and jump in the size bytes at data. Returns 0 or -errno (EBADMSG, EPROTO). */
long program_decode(struct program *program, unsigned char *data, size_t size);

/* The offset in the blob that a relocation points to. */
uint64_t relocation_target(const struct program *program, const struct relocation *relocation);

/* Writes the blob's pointers. Call this once, after program_decode. */
void program_relocate(const struct program *program);

/* The state of a running program. Slots keep their values from one program to the next. */
struct machine {
	int sync;       /* socket to brun, or -1: then OP_SEND and OP_CLONE fail with EBADF */
	int said;       /* stderr of a failed hook, or -1 */
	uint32_t known; /* slots that have a value. The others are -1 for a program, which sets them first */
	int64_t slots[PROGRAM_SLOTS];
};

/* The slots that have a value after machine_clear, so that a caller can set them before a program runs. */
#define SLOTS_CLEARED 16

/*
 * Gives the slots before `count` a value, unless they have one. A command of 0.2 ms notices how many pages of
 * memory it writes to.
 */
void machine_know(struct machine *machine, uint32_t count);

/* Clears a machine, which then has no socket. */
void machine_clear(struct machine *machine);

/* Runs a program to its end. Returns 0, or -1 with *failure set. Does not return after a successful execve. */
int program_run(struct machine *machine, const struct program *program, struct failure *failure);

#endif
