/* The only message of the front itself: one line if it cannot load Bun, which prints all other messages. */
#ifndef BRUN_FRONT_COMPLAINT_H
#define BRUN_FRONT_COMPLAINT_H

#include "../sys.h"

#define COMPLAINT_SIZE 512

struct complaint {
	char text[COMPLAINT_SIZE]; /* without characters that JSON has to escape */
	size_t length;
};

/* Appends text; a part that does not fit is left out. */
void complain(struct complaint *complaint, const char *text);
void complain_number(struct complaint *complaint, uint64_t number);

/* Writes the line to stderr, and to the file of --log in its format, like src/cli/log.ts. Returns the exit code. */
int complaint_tell(const struct complaint *complaint, int argc, const char *const *argv);

#endif
