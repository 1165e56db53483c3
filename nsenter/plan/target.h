/* Opens mount points: paths below the container's root, which are made if they are missing. */
#ifndef BRUN_TARGET_H
#define BRUN_TARGET_H

#include "../sys.h"

/*
 * Opens (O_PATH) a path below root, which no symbolic link can leave (openat2). Missing directories are made. A
 * missing last component becomes a directory, or with TARGET_FILE an empty file. path is relative, without empty
 * components; it is changed during the call and restored. If a symbolic link leads to a missing path, that path is
 * made. Returns the descriptor or -errno. flags: enum target_flag.
 */
long open_target(int root, char *path, uint64_t resolve, uint64_t flags);

#endif
