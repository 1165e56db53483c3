/* Starting a program without copying the caller's memory. */
#ifndef BRUN_SPAWN_H
#define BRUN_SPAWN_H

#include "../sys.h"

#define LIMIT_OPEN_FILES 7 /* RLIMIT_NOFILE */

/* So many children may be on their way to execve; with more of SPAWN_GO_ON in a process the caller waits. */
#define SPAWN_GO_ON_MAX 4

/*
 * The soft limit of open files with which brun was called, for its children; 0: their parent's. Bun raises its own.
 */
extern uint64_t spawn_open_files;

/*
 * Returns the pid, or -errno: nothing runs then and there is no child to reap. With SPAWN_GO_ON a child that could not
 * execute is there to be reaped, with exit code 127 and its errno in request->error.
 */
long spawn(struct spawn_request *request);

#endif
