/*
 * Programs that brun has written down for later commands on a container when it made it, as it writes down what the
 * supervisor does at the end: ROOT/ID/prepared. Written by src/container/prepared.ts; the two files describe the
 * same bytes.
 */
#ifndef BRUN_FRONT_PREPARED_H
#define BRUN_FRONT_PREPARED_H

#include "../program.h"
#include "command.h"
#include "files.h"

#define PREPARED_MAGIC 0x70727062U /* "bprp" */
#define PREPARED_MAX (1U << 20)

/* Slots that the front fills in. */
enum prepared_slot {
	SLOT_DIRECTORY, /* the container's directory */
	SLOT_SIGNAL,    /* of kill */
};

/* Of struct statx, by which one state of a file is told from another. */
struct telltale {
	uint64_t inode;
	uint64_t size;
	int64_t seconds; /* of ctime, which no one can set */
	uint32_t nanoseconds;
	uint32_t reserved;
};

struct prepared_header {
	uint32_t magic;
	uint32_t stage;        /* which stage the programs are for: STAGE_ID */
	struct telltale state; /* of state.json, which stays what says how things are */
	char id[ID_MAX + 1];   /* the directory may have been moved */
	struct {
		uint32_t offset; /* a multiple of 8 */
		uint32_t size;   /* 0: this command is Bun's */
	} programs[PREPARED_PROGRAMS];
};

struct prepared {
	long directory;
	struct bytes file;
};

/* Opens a container's file, which has to be the caller's own. Returns 0, or -errno with nothing open. */
long prepared_open(struct prepared *prepared, const struct command *command);

void prepared_close(const struct prepared *prepared);

/* Runs a program of it. It ends the process when its command is done, and returns 0 or -errno when it is not. */
long prepared_run(struct machine *machine, const struct prepared *prepared, enum prepared_index index);

/* Bytes of a program, or null. */
unsigned char *prepared_program(const struct prepared *prepared, enum prepared_index index, size_t *size);

#endif
