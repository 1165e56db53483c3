/* What the front has to say itself: one line, when Bun cannot be loaded, which says everything else. */
#ifndef BRUN_FRONT_COMPLAINT_H
#define BRUN_FRONT_COMPLAINT_H

#include "../sys.h"

#define COMPLAINT_SIZE 512

struct complaint {
	char text[COMPLAINT_SIZE]; /* no characters that JSON would have to escape */
	size_t length;
};

/* Adds to it; what does not fit is left out. */
void complain(struct complaint *complaint, const char *text);
void complain_number(struct complaint *complaint, uint64_t number);

/* Writes it to stderr, and to the file of --log in its format, as src/cli/log.ts does. Returns the exit code. */
int complaint_tell(const struct complaint *complaint, int argc, const char *const *argv);

#endif
