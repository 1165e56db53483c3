/*
 * Plans that run in brun's own process: what state, start, kill and delete do, whether brun has just compiled the plan or
 * the front has read it from a file.
 */
#ifndef BRUN_LOCAL_H
#define BRUN_LOCAL_H

#include "program.h"

/*
 * Checks a plan and runs it to its end. Returns 0, or -errno with *failure set: its op is UINT32_MAX when the plan is none.
 * The plan's bytes are written to.
 */
long local_run(struct machine *machine, unsigned char *data, size_t size, struct failure *failure);

/* Whether a plan that has failed is not to be run once more: it has come to what is not for a second time. */
int local_has_begun(const unsigned char *data, size_t size, const struct failure *failure);

#endif
