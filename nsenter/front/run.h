/* `run` in the foreground, without Bun: src/container/lifecycle/run.ts, for a bundle that has been run before. */
#ifndef BRUN_FRONT_RUN_H
#define BRUN_FRONT_RUN_H

#include "plan-file.h"

#include "../plan/program.h"

/*
 * Makes the container by its plan, and supervises it: does not return then. Returns -errno when it could not be
 * made, which brun is to find out about again and say; nothing is left then.
 */
long run_container(struct machine *machine, const struct plan_file *plan, const struct command *command);

#endif
