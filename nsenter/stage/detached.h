/* Mounts that are known by a descriptor before they are attached, by mount(2). */
#ifndef BRUN_DETACHED_H
#define BRUN_DETACHED_H

#include "../sys.h"

/* From here on the mount namespace is this process's own: what is mounted is seen by nobody else. */
void detached_own_mounts(void);

/* Whether open_tree(2), move_mount(2), fsopen(2), fsconfig(2) and fsmount(2) are to be replaced. */
int detached_replaces(void);

/*
 * One of them, as the stage's programs call it: in a mount namespace of its own. What is not attached yet is on a tmpfs over a directory
 * of the host's /proc that nobody has a use for: no bind mount has it, and it goes with the old root. A mount is known by a descriptor, and so is where it goes to
 * (by its path in /proc/self/fd). Returns the result or -errno.
 */
long detached_call(long nr, const uint64_t *args);

#endif
