/* `exec` in the foreground, without Bun. */
#ifndef BRUN_FRONT_EXEC_H
#define BRUN_FRONT_EXEC_H

#include "plan-file.h"

#include "../plan/program.h"

/*
 * Runs the command's words in the container by the plan that is written down for it, and supervises them: does not return then.
 * Returns -errno when the program could not be started, which brun is to find out about again and say; nothing is left then.
 */
long exec_run(struct machine *machine, const struct plan_file *plan, const struct command *command);

#endif
