/* What a detached container writes is kept in a log; what somebody who is attached to it types comes by a socket. */
#ifndef BRUN_KEEP_H
#define BRUN_KEEP_H

#include "relay.h"

#define KEEP_POLLS 3

/* Nothing is kept. */
BRUN_INLINE void keep_nothing(struct keep_request *request)
{
	request->out = request->err = request->input = request->control = -1;
	request->directory = request->result = -1;
	request->limit = 0;
}

void keep_begin(const struct keep_request *request);

/* Fills in KEEP_POLLS elements. */
void keep_prepare(struct pollfd *polls);

/* Does what poll found. */
void keep_step(const struct pollfd *polls);

/* Whether there is no more to come from the container. */
int keep_is_done(void);

/* The container has ended. */
void keep_end(int status);

#endif
