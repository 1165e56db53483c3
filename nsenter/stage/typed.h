/* What typing leads to besides bytes for a program with a terminal of its own: it stops, or there is no more to come. */
#ifndef BRUN_TYPED_H
#define BRUN_TYPED_H

#include "relay.h"

struct timespec64 {
	int64_t seconds;
	int64_t nanoseconds;
};

/* The master of the terminal, or -1 without one; the container's process. */
void typed_begin(int terminal, int process);

/* Something has been typed. */
void typed_note(void);

/* Stdin has ended: from now on the program's reads come to an end, too. */
void typed_end(int unfinished);

/* When typed_look() wants to be called again; null for never. */
struct timespec64 *typed_timeout(struct timespec64 *timeout);

/*
 * Puts the end of file into what goes to the terminal when it is time. Returns whether the program, the init's child, has
 * stopped.
 */
int typed_look(struct relay *input);

#endif
