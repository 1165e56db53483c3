/* Emulates detached mounts, which are known by a descriptor before they are attached, with mount(2). */
#ifndef BRUN_DETACHED_H
#define BRUN_DETACHED_H

#include "../sys.h"

/* Notes that this process has its own mount namespace, in which no other process sees mounts. */
void detached_own_mounts(void);

/* Whether to replace open_tree(2), move_mount(2), fsopen(2), fsconfig(2) and fsmount(2). */
int detached_replaces(void);

/*
 * Emulates one of these calls for the stage's programs, in its own mount namespace. Unattached mounts are on a
 * tmpfs over a directory of the host's /proc that is not needed: it is in no bind mount, and goes with the old
 * root. A descriptor stands for the mount, and another one for its mount point (by its path in /proc/self/fd).
 * Returns the result or -errno.
 */
long detached_call(long nr, const uint64_t *args);

#endif
