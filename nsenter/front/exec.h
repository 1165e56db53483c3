/* `exec` in the foreground, without Bun. */
#ifndef BRUN_FRONT_EXEC_H
#define BRUN_FRONT_EXEC_H

#include "plans.h"

/*
 * Runs the command's words in the container by the plan that is written down for it, and supervises them: does not return then.
 * Returns when the program could not be started, which brun is to find out about again and say; nothing is left then.
 */
void plans_exec(struct machine *machine, const struct plans *plans, const struct command *command);

#endif
