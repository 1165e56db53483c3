/* `run` in the foreground, without Bun: src/container/run.ts, for a bundle that has been run before. */
#ifndef BRUN_FRONT_RUN_H
#define BRUN_FRONT_RUN_H

#include "../program.h"
#include "remembered.h"

/*
 * Makes the container by what is remembered, and supervises it: does not return then. Returns when it could not be
 * made, which brun is to find out about again and say; nothing is left then.
 */
void remembered_run(struct machine *machine, const struct remembered *remembered,
		    const struct command *command);

#endif
