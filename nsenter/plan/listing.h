/* Names in a directory. */
#ifndef BRUN_LISTING_H
#define BRUN_LISTING_H

#include "../sys.h"

struct listing {
	int directory;         /* open for reading */
	unsigned char *buffer; /* of `room` bytes, aligned to 8 */
	size_t room;
	long size; /* so much of the buffer is filled; 0 or -errno when there are no more names */
	long at;
};

/* The next name but "." and "..", in the kernel's order, which is good until the next one is asked for; or null. */
const char *listing_next(struct listing *listing);

#endif
