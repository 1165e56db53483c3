/*
 * Runs plans in brun's own process, for state, start, kill and delete. brun has just compiled the plan, or the
 * front has read it from a file.
 */
#ifndef BRUN_LOCAL_H
#define BRUN_LOCAL_H

#include "program.h"

/*
 * Checks a plan and runs it to its end. Returns 0, or -errno with *failure set; its op is UINT32_MAX if the plan
 * is invalid. Modifies the plan's bytes.
 */
long local_run(struct machine *machine, unsigned char *data, size_t size, struct failure *failure);

/* Whether a failed plan must not run again, because it has reached an operation that must not run twice. */
int local_has_begun(const unsigned char *data, size_t size, const struct failure *failure);

#endif
