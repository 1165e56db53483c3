/*
 * A stage for `run` and `create`, started before Bun: it waits for its first program by the time that there is one.
 */
#ifndef BRUN_FRONT_AHEAD_H
#define BRUN_FRONT_AHEAD_H

#include "../plan/program.h"
#include "stage.h"

/* Starts it, once; where that fails nothing is open, and brun starts one when it needs it. */
void ahead_start(void);

/* Keeps the stack that the kernel has made (argc, argv, 0, envp, 0), for what brun asks. */
void ahead_keep_stack(const long *stack);

/* Takes it, so that brun finds none. Returns its pid with its socket, or -errno. */
long ahead_take(int *socket);

/* A plan has failed that is not to be run once more: Bun explains that. */
void ahead_leave(const struct failure *failure, int64_t kept, long directory);

/* Says why Bun does the command, for --debug and --timing. `result`: 0 or -errno. */
void ahead_fall_back(enum fall_back reason, long result);

/* Whether there is such a plan. */
int ahead_has_left(void);

#endif
