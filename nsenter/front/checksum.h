/* The checksum of a plan file: xxHash32, as Bun.hash.xxHash32 computes it (github.com/Cyan4973/xxHash, doc). */
#ifndef BRUN_FRONT_CHECKSUM_H
#define BRUN_FRONT_CHECKSUM_H

#include "../sys.h"

/* The size is a multiple of 4, and data is 4-aligned. */
uint32_t checksum(const unsigned char *data, size_t size);

#endif
