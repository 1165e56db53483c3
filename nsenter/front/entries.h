/* Lists directories and matches names. */
#ifndef BRUN_FRONT_ENTRIES_H
#define BRUN_FRONT_ENTRIES_H

#include "../plan/listing.h"

/*
 * Begins to list a directory. There is one buffer for all lists. Returns a descriptor that has
 * to be closed, or -errno.
 */
long entries_open(struct listing *listing, const char *path);

/* Whether a pattern, in which a star stands for any text, matches a name. Like src/host/pattern.ts. */
int entry_matches(const char *name, const char *pattern);

#endif
