/* Writes to descriptors that may be full, such as a pipe that does not block. */
#ifndef BRUN_OUTPUT_H
#define BRUN_OUTPUT_H

#include "../sys.h"

/* Writes everything, and waits where nothing can be written at the moment. Returns 0 or -errno. */
long output_write(int fd, const unsigned char *data, uint64_t size);

#endif
