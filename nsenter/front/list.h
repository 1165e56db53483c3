/* Does `list` by the plan that src/container/state/list-plan.ts has written. */
#ifndef BRUN_FRONT_LIST_H
#define BRUN_FRONT_LIST_H

#include "plan-file.h"

#include "../plan/program.h"

/*
 * Prints all containers. 0 or -errno: -ESTALE if a container is not as usual, and the directory is Bun's
 * to list.
 */
long list_run(struct machine *machine, const struct plan_file *plan, const struct command *command);

#endif
