/* What state.json says of the moment in which a container was made. */
#ifndef BRUN_FRONT_MOMENT_H
#define BRUN_FRONT_MOMENT_H

#include "../sys.h"

struct moment {
	char created[32]; /* RFC 3339 with nanoseconds */
	char pid[21];
	char start_time[21];
};

/* Of the container whose process has a pid. 0 or -errno. */
long moment_take(struct moment *moment, long pid);

#endif
