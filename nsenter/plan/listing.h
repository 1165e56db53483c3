/* Names in a directory. */
#ifndef BRUN_LISTING_H
#define BRUN_LISTING_H

#include "../sys.h"

struct listing {
	int directory;         /* open for reading */
	unsigned char *buffer; /* `room` bytes, 8-aligned */
	size_t room;
	long size; /* bytes in the buffer; 0 or -errno if there are no more names */
	long at;
};

/* The next name besides "." and "..", in the kernel's order, or null. The next call overwrites it. */
const char *listing_next(struct listing *listing);

#endif
