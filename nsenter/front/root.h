/* Finds the state directory like src/container/state/root.ts. */
#ifndef BRUN_FRONT_ROOT_H
#define BRUN_FRONT_ROOT_H

#include "../sys.h"

/* Whether a path is absolute and needs no normalisation. */
int path_is_clean(const char *path);

/*
 * Writes the path of the directory that --root names (null for the default one) to root, of PATH_SIZE bytes.
 * Returns 0 if Bun has to find or make it.
 */
int root_find(char *root, const char *given, const char *const *envp);

#endif
