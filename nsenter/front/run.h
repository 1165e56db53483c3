/* `run` without Bun, for a cached plan: src/container/lifecycle/run.ts. */
#ifndef BRUN_FRONT_RUN_H
#define BRUN_FRONT_RUN_H

#include "plan-file.h"

#include "../plan/program.h"

/*
 * Makes the container by its plan, and supervises it unless it is detached. Does not return then. If it cannot be made, it returns
 * -errno and leaves nothing behind: brun tries again and reports the error.
 */
long run_container(struct machine *machine, const struct plan_file *plan, const struct command *command);

#endif
