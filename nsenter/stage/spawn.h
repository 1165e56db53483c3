/* Starts a program without copying the caller's memory. */
#ifndef BRUN_SPAWN_H
#define BRUN_SPAWN_H

#include "../sys.h"

#define LIMIT_OPEN_FILES 7 /* RLIMIT_NOFILE */

/* The number of children that may be before their execve. For further ones with SPAWN_GO_ON the caller waits. */
#define SPAWN_GO_ON_MAX 4

/*
 * The caller's soft limit of open files, for children of this process; 0 to inherit this
 * process's. Bun raises its own.
 */
extern uint64_t spawn_open_files;

/*
 * Returns the pid, or -errno: then nothing runs, and there is no child to reap. With SPAWN_GO_ON, a child that
 * could not execute has to be reaped. It has exit code 127, and its errno in request->error.
 */
long spawn(struct spawn_request *request);

#endif
