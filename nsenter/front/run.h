/* `run` in the foreground, without Bun: src/container/lifecycle/run.ts, for a bundle that has been run before. */
#ifndef BRUN_FRONT_RUN_H
#define BRUN_FRONT_RUN_H

#include "../plan/program.h"
#include "cached.h"

/*
 * Makes the container by what is cached, and supervises it: does not return then. Returns when it could not be
 * made, which brun is to find out about again and say; nothing is left then.
 */
void cached_run(struct machine *machine, const struct cached *cached, const struct command *command);

#endif
