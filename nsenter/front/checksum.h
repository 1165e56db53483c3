/* Whether a file is what was written: xxHash32, as Bun.hash.xxHash32 has it (github.com/Cyan4973/xxHash, doc). */
#ifndef BRUN_FRONT_CHECKSUM_H
#define BRUN_FRONT_CHECKSUM_H

#include "../sys.h"

/* Of size bytes, a multiple of 4, 4-aligned. */
uint32_t checksum(const unsigned char *data, size_t size);

#endif
