/* The state directory, as src/container/state/root.ts finds it. */
#ifndef BRUN_FRONT_ROOT_H
#define BRUN_FRONT_ROOT_H

#include "../sys.h"

/* Whether a path is absolute, and without what would have to be resolved. */
int path_is_clean(const char *path);

/*
 * Puts the directory that --root names (null: the default one) into root, of PATH_SIZE bytes. Returns 0 for one that Bun
 * has to find, or to make.
 */
int root_find(char *root, const char *given, const char *const *envp);

#endif
