/* `exec` without Bun. */
#ifndef BRUN_FRONT_EXEC_H
#define BRUN_FRONT_EXEC_H

#include "plan-file.h"

#include "../plan/program.h"

/*
 * Runs the command's words in the container by its plan, and supervises them. Does not return then. If the program
 * cannot be started, it returns -errno and leaves nothing behind: brun tries again and reports the error.
 */
long exec_run(struct machine *machine, const struct plan_file *plan, const struct command *command);

#endif
