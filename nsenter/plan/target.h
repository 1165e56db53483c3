/* Mount points: paths below the container's root, made where they are missing. */
#ifndef BRUN_TARGET_H
#define BRUN_TARGET_H

#include "../sys.h"

/*
 * Opens (O_PATH) a path below root, which openat2 never leaves for any symbolic link. Missing directories are
 * made, and at the end a directory or, with TARGET_FILE, an empty file. path is relative, without empty components;
 * it is changed while this runs and put back. Symbolic links to what is missing lead to where it is made.
 * Returns the descriptor or -errno. flags: enum target_flag.
 */
long open_target(int root, char *path, uint64_t resolve, uint64_t flags);

#endif
