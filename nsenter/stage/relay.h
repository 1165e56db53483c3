/* Copies bytes from one descriptor to another. Driven by poll, and never blocked by a slow reader. */
#ifndef BRUN_RELAY_H
#define BRUN_RELAY_H

#include "../sys.h"

#include <linux/poll.h>

struct relay {
	int from; /* -1 at the end of the input */
	int to;
	uint32_t start;
	uint32_t end;
	unsigned char buffer[RELAY_SIZE];
};

/* Fills in the descriptor to poll: the source if the buffer is empty, otherwise the target. */
void relay_prepare(const struct relay *relay, struct pollfd *poll);

/* Handles the result of poll. Returns 0 once the buffer is empty and the input has ended. */
int relay_step(struct relay *relay, const struct pollfd *poll);

#endif
