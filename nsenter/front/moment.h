/* What state.json says of the moment in which a container was made, and the time. */
#ifndef BRUN_FRONT_MOMENT_H
#define BRUN_FRONT_MOMENT_H

#include "../sys.h"

#define TIMESTAMP_SIZE 31
#define TIMESTAMP_SECONDS 19 /* how much of one goes before the fraction */

struct moment {
	char created[TIMESTAMP_SIZE];
	char pid[21];
	char start_time[21];
};

/* Of the container whose process has a pid. 0 or -errno. */
long moment_take(struct moment *moment, long pid);

/* Writes the time, TIMESTAMP_SIZE bytes: RFC 3339 in UTC with nanoseconds, as Go prints time.Time. */
void timestamp(char *to);

#endif
