/* Executables, by path or by name, as execvp(3) finds them. */
#ifndef BRUN_SEARCH_H
#define BRUN_SEARCH_H

#include "../sys.h"

/*
 * Whether the caller may execute file, which has to be a regular file. Without a slash it is looked for in the
 * directories of path, separated by colons, of which an empty one is the current; what may not be executed is passed
 * over. 0 or -errno; ENOENT when no directory has it.
 */
long find_executable(const char *file, const char *path);

/* Executes it. Returns only when that fails: -errno, of a search the last that says more than ENOENT. */
long execute_file(const char *file, const char *path, const void *argv, const void *envp);

#endif
