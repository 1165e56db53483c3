/* Names in directories. */
#ifndef BRUN_FRONT_ENTRIES_H
#define BRUN_FRONT_ENTRIES_H

#include "../sys.h"

/* A directory to be listed, or -errno. */
long entries_open(const char *path);

/* Hands over each name but "." and "..", in the kernel's order, until `take` returns 0. Returns 0 or -errno. */
long entries_each(long directory, int (*take)(void *, const char *), void *context);

/* Whether a pattern, in which a star stands for anything, stands for a name. As src/host/pattern.ts. */
int entry_matches(const char *name, const char *pattern);

#endif
