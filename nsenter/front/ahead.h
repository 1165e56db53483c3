/*
 * A stage for `run` and `create`, started before Bun: it waits for its first program by the time that there is one.
 */
#ifndef BRUN_FRONT_AHEAD_H
#define BRUN_FRONT_AHEAD_H

#include "stage.h"

/* Starts it, once; where that fails nothing is open, and brun starts one when it needs it. */
void ahead_start(void);

/* Keeps the stack that the kernel has made (argc, argv, 0, envp, 0), for what brun asks. */
void ahead_keep_stack(const long *stack);

/* Takes it, so that brun finds none. Returns its pid with its socket, or -errno. */
long ahead_take(int *socket);

#endif
