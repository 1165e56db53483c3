/*
 * Programs that brun has written down for later commands on a container when it made it, as it writes down what the
 * supervisor does at the end: ROOT/ID/prepared. src/container/prepared.ts writes it.
 */
#ifndef BRUN_FRONT_PREPARED_H
#define BRUN_FRONT_PREPARED_H

#include "../program.h"
#include "command.h"
#include "files.h"

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
