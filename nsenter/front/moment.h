/* The time, and the fields of state.json about when a container was made. */
#ifndef BRUN_FRONT_MOMENT_H
#define BRUN_FRONT_MOMENT_H

#include "../sys.h"

#define TIMESTAMP_SIZE 31
#define TIMESTAMP_SECONDS 19 /* the length up to the fraction */

struct moment {
	char created[TIMESTAMP_SIZE];
	char pid[21];
	char start_time[21];
};

/* For the container whose process has this pid. 0 or -errno. */
long moment_take(struct moment *moment, long pid);

/* Writes the current time, TIMESTAMP_SIZE bytes: RFC 3339 in UTC with nanoseconds, like Go's time.Time. */
void timestamp(char *to);

#endif
