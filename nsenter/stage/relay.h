/* Copying bytes one way between two descriptors, driven by poll, never blocking on a slow reader. */
#ifndef BRUN_RELAY_H
#define BRUN_RELAY_H

#include "../sys.h"

#include <linux/poll.h>

struct relay {
	int from; /* -1: nothing more comes */
	int to;
	uint32_t start;
	uint32_t end;
	unsigned char buffer[RELAY_SIZE];
};

/* Fills in what to poll: the source while the buffer is empty, else the target. */
void relay_prepare(const struct relay *relay, struct pollfd *poll);

/* Does what poll found. Returns 0 once nothing is left and nothing more will come. */
int relay_step(struct relay *relay, const struct pollfd *poll);

#endif
