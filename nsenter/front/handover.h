/*
 * What the front leaves to Bun when it loads that: a stage for `run` and `create`, which waits for its first plan by the
 * time that there is one; and why it has not done the command itself.
 */
#ifndef BRUN_FRONT_HANDOVER_H
#define BRUN_FRONT_HANDOVER_H

#include "../plan/program.h"
#include "stage.h"

/* Starts it, once; where that fails nothing is open, and brun starts one when it needs it. */
void handover_start(void);

/* Keeps the stack that the kernel has made (argc, argv, 0, envp, 0), for what brun asks. */
void handover_keep_stack(const long *stack);

/* Takes it, so that brun finds none. Returns its pid with its socket, or -errno. */
long handover_take(int *socket);

/* A plan has failed that is not to be run once more: Bun explains that. */
void handover_leave(const struct failure *failure, int64_t kept, long directory);

/* Why Bun does the command. */
struct fallen {
	long reason;
	long error;
	long part; /* with the operation that failed, or -1 */
	long op;
};

/* What has been said of that; what another process has said. */
const struct fallen *handover_fallen(void);
void handover_set_fallen(const struct fallen *said);

/* Says why Bun does the command, for --debug and --timing. `result`: 0 or -errno. */
void handover_fall_back(enum fall_back reason, long result);

/* At which operation of which part a plan has failed. */
void handover_failed_at(enum plan_part part, const struct failure *failure);

/* Whether there is such a plan. */
int handover_has_left(void);

#endif
