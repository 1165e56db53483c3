/* What a detached container writes is kept in a log; what somebody who is attached to it types comes by a socket. */
#ifndef BRUN_KEEP_H
#define BRUN_KEEP_H

#include "relay.h"

#define KEEP_POLLS 3

/* Descriptors that do not exist are -1. Part of struct supervise_request. */
struct keep_request {
	int32_t out;       /* what the container writes to stdout, or its pty's master */
	int32_t err;       /* to stderr */
	int32_t input;     /* where it reads from, or its pty's master */
	int32_t control;   /* datagram socket of those who are attached */
	int32_t directory; /* of the log */
	int32_t result;    /* file for the exit code, locked as long as this process lives */
	uint32_t limit;    /* bytes of each of the log's two files */
};

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
