/*
 * The guard of a plan: what compiling it has asked of the caller and the machine (src/host), with the answers. A plan may
 * be used where each question, asked again, is answered as it was: compiling would give the same one then.
 */
#ifndef BRUN_FRONT_GUARD_H
#define BRUN_FRONT_GUARD_H

#include "../sys.h"

/* Whether the parts of an input are within a file, and what they have to be. */
int guard_fits(const struct input *input, const unsigned char *file, size_t size);

/* Whether all inputs, which fit, are as they were. file: where their parts are. envp: the caller's environment. */
int guard_agrees(const struct input *inputs, size_t count, const unsigned char *file,
		 const char *const *envp);

/* Whether a part is within a file of a size, behind what begins it. */
int part_fits(struct part part, size_t begin, size_t size);

#endif
