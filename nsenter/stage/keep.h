/*
 * Keeps the output of a detached container in a log, and passes on the input of `attach` clients,
 * which comes by a socket.
 */
#ifndef BRUN_KEEP_H
#define BRUN_KEEP_H

#include "relay.h"

#define KEEP_POLLS 3

/* Sets a request that keeps nothing. */
BRUN_INLINE void keep_nothing(struct keep_request *request)
{
	request->out = request->err = request->input = request->control = -1;
	request->directory = request->result = -1;
	request->limit = 0;
}

void keep_begin(const struct keep_request *request);

/* Fills in KEEP_POLLS elements. */
void keep_prepare(struct pollfd *polls);

/* Handles the results of poll. */
void keep_step(const struct pollfd *polls);

/* Whether the container's output has ended. */
int keep_is_done(void);

/* Records that the container has ended. */
void keep_end(int status);

#endif
