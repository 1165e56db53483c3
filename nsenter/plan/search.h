/* Finds executables by path or by name, like execvp(3). */
#ifndef BRUN_SEARCH_H
#define BRUN_SEARCH_H

#include "../sys.h"

/*
 * Whether the caller may execute file, which has to be a regular file. Without a slash it is searched in the
 * directories of path, separated by colons; an empty one is the current directory. Files that may not be executed
 * are skipped. 0 or -errno; ENOENT if no directory has it.
 */
long find_executable(const char *file, const char *path);

/*
 * Executes the file. Returns only on failure, with -errno. A search returns the last error besides
 * ENOENT, if there is one.
 */
long execute_file(const char *file, const char *path, const void *argv, const void *envp);

#endif
