/* Starting a program without copying the caller's memory. */
#ifndef BRUN_SPAWN_H
#define BRUN_SPAWN_H

#include "sys.h"

#define SPAWN_SETPGRP 1U /* the child leads a process group of its own */
#define SPAWN_EXEC_FD 2U /* execute the file behind exec_fd, path is only argv's */
#define SPAWN_SETSID 4U  /* the child leads a session of its own */
#define SPAWN_GO_ON                                                                                          \
	8U /* return at once: the request and all it points to live until the child has executed */
#define SPAWN_DIE_TOO 16U /* the child is killed when the thread that starts it ends */

#define LIMIT_OPEN_FILES 7 /* RLIMIT_NOFILE */

/* So many children may be on their way to execve; with more of SPAWN_GO_ON in a process the caller waits. */
#define SPAWN_GO_ON_MAX 4

/* Encoded by src/sys/spawn.ts: 8-byte fields first, then 4-byte ones. */
struct spawn_request {
	uint64_t path;    /* const char *: executable, no search */
	uint64_t argv;    /* char *const *: NULL ends it */
	uint64_t envp;    /* char *const *: NULL ends it */
	uint64_t cwd;     /* const char *, or 0: the caller's */
	int32_t stdio[3]; /* becomes 0, 1, 2 of the child; -1: the caller's own */
	int32_t keep_fd;  /* stays open over execve although close-on-exec; -1: none */
	int32_t exec_fd;  /* see SPAWN_EXEC_FD */
	uint32_t flags;
	int32_t pidfd; /* out: close-on-exec pidfd of the child, -1 before Linux 5.2 */
	int32_t error; /* out: -errno of the child's failed step, or 0 */
};

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
