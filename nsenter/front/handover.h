/*
 * The state that the front leaves for Bun: a stage for `run` and `create`, so that it is ready when brun has
 * compiled its first program, and the reason why the front has not done the command.
 */
#ifndef BRUN_FRONT_HANDOVER_H
#define BRUN_FRONT_HANDOVER_H

#include "../plan/program.h"
#include "stage.h"

/* Starts a stage, once. If that fails nothing is open, and brun starts one when it needs it. */
void handover_start(void);

/* Whether it has been tried. A stage has the stdin of that moment. */
int handover_has_started(void);

/* Ends a stage that nothing has been sent to. */
void handover_end(void);

/* Keeps the stack of the kernel (argc, argv, 0, envp, 0), which brun asks for. */
void handover_keep_stack(const long *stack);

/* Takes the stage, so that brun does not find it. Returns its pid and its socket, or -errno. */
long handover_take(int *socket);

/* Leaves a failure for Bun to explain: the plan must not run again. */
void handover_leave(const struct failure *failure, int64_t kept, long directory);

/* Why Bun does the command. */
struct fallen {
	long reason;
	long error;
	long part; /* with the operation that failed, or -1 */
	long op;
};

/* The present reason, and that of another process. */
const struct fallen *handover_fallen(void);
void handover_set_fallen(const struct fallen *said);

/* Sets the reason why Bun does the command, for --debug and --timing. `result`: 0 or -errno. */
void handover_fall_back(enum fall_back reason, long result);

/* Sets the part of the plan file and the operation that has failed. */
void handover_failed_at(enum plan_part part, const struct failure *failure);

/* Tells Bun that the console socket has got a terminal. */
void handover_console_sent(void);

/* Whether handover_leave() was called. */
int handover_has_left(void);

#endif
