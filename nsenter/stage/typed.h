/* Effects of input besides its bytes, for a program with its own terminal: the program stops, or the input ends. */
#ifndef BRUN_TYPED_H
#define BRUN_TYPED_H

#include "relay.h"

struct timespec64 {
	int64_t seconds;
	int64_t nanoseconds;
};

/* Begins. terminal is the pty's master, or -1 without one; process is that of the container. */
void typed_begin(int terminal, int process);

/* Notes that input was typed. */
void typed_note(void);

/* Notes the end of stdin. From now on the program's reads end, too. */
void typed_end(int unfinished);

/* The time until typed_look() has to be called again; null for never. */
struct timespec64 *typed_timeout(struct timespec64 *timeout);

/*
 * Writes the end-of-file character to the terminal when it is time. Returns whether the program, the
 * init's child, has stopped.
 */
int typed_look(struct relay *input);

#endif
