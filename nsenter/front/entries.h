/* Names in directories. */
#ifndef BRUN_FRONT_ENTRIES_H
#define BRUN_FRONT_ENTRIES_H

#include "../plan/listing.h"

/* Begins to list a directory; there is one buffer for all. Returns its descriptor, which is to be closed, or -errno. */
long entries_open(struct listing *listing, const char *path);

/* Whether a pattern, in which a star stands for anything, stands for a name. As src/host/pattern.ts. */
int entry_matches(const char *name, const char *pattern);

#endif
