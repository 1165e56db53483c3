/*
 * Plans of later commands on a container, which brun has compiled when it made it: ROOT/ID/plans, which
 * src/container/lifecycle/local-plans.ts writes.
 */
#ifndef BRUN_FRONT_PLANS_H
#define BRUN_FRONT_PLANS_H

#include "../plan/program.h"
#include "command.h"
#include "files.h"

struct plans {
	long directory;
	struct bytes file;
};

/* Opens a container's file, which has to be the caller's own. Returns 0, or -errno with nothing open. */
long plans_open(struct plans *plans, const struct command *command);

void plans_close(const struct plans *plans);

/*
 * Runs a plan of it. Returns 0, or -errno; where it is not to be run once more Bun is left what it needs to explain that
 * (left_op), and the directory has to stay open.
 */
long plans_run(struct machine *machine, const struct plans *plans, enum local_index index);

/* Bytes of a program, or null. */
unsigned char *plans_get(const struct plans *plans, enum local_index index, size_t *size);

#endif
