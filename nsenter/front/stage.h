/* The stage, which the front contains. brun executes it, and calls functions of the front by bun:ffi. */
#ifndef BRUN_FRONT_STAGE_H
#define BRUN_FRONT_STAGE_H

#include "../stage/spawn.h"

/* Makes a sealed memfd with these bytes, close-on-exec and executable. Returns its descriptor, or -errno. */
long sealed_file(const char *name, const unsigned char *bytes, size_t size);

/* Makes a sealed memfd with the stage, close-on-exec and world-readable. Returns its descriptor, or -errno. */
long stage_open(void);

/* A stage that waits for its first program. */
struct stage {
	int socket; /* the front's end of the socketpair */
	long pid;
	/* The child reads these until it has executed the stage. */
	struct spawn_request request;
	char number[21];
	const char *argv[4];
	const char *envp[1];
};

/*
 * Starts a stage from the file that image refers to. With SPAWN_GO_ON in flags, *stage must not move. Returns its
 * pid, or -errno with nothing open.
 */
long stage_start(struct stage *stage, long image, unsigned int flags);

#endif
