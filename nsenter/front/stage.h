/* The stage, which the front carries: brun executes it, and reaches functions of its kind in the front itself. */
#ifndef BRUN_FRONT_STAGE_H
#define BRUN_FRONT_STAGE_H

#include "../stage/spawn.h"

/* A file descriptor of a sealed memfd with these bytes, close-on-exec and executable; or -errno. */
long sealed_file(const char *name, const unsigned char *bytes, size_t size);

/* A file descriptor of a sealed memfd that holds the stage, close-on-exec and world-readable; or -errno. */
long stage_open(void);

/* A stage that waits for its first program. */
struct stage {
	int socket; /* our end of the socketpair */
	long pid;
	/* What the child reads until it has executed the stage. */
	struct spawn_request request;
	char number[21];
	const char *argv[4];
	const char *envp[1];
};

/*
 * Starts a stage out of the file behind image. With SPAWN_GO_ON in flags *stage has to stay where it is. Returns its
 * pid, or -errno with nothing open.
 */
long stage_start(struct stage *stage, long image, unsigned int flags);

#endif
