/*
 * The guard of a plan: the questions that compiling it has asked about the caller and the machine (src/host),
 * with their answers. A plan may be used if each question, asked again, has the same answer: compiling would
 * then give the same plan.
 */
#ifndef BRUN_FRONT_GUARD_H
#define BRUN_FRONT_GUARD_H

#include "../sys.h"

/* Whether the parts of an input are inside of the file, and are well-formed. */
int guard_fits(const struct input *input, const unsigned char *file, size_t size);

/*
 * Whether all inputs, which have to fit, still have the same answers. file: the file with their parts. envp:
 * the caller's environment.
 */
int guard_agrees(const struct input *inputs, size_t count, const unsigned char *file,
		 const char *const *envp);

/* Takes the stamp of a path: the answer of statx(2). 0 or -errno. */
long stamp_take(const char *path, uint32_t nofollow, struct stamp *stamp);

/* Whether a part is inside of a file of this size, after its first `begin` bytes. */
int part_fits(struct part part, size_t begin, size_t size);

#endif
