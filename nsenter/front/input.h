/* stdin of a container without a bundle that does not read ours. */
#ifndef BRUN_FRONT_INPUT_H
#define BRUN_FRONT_INPUT_H

/* Puts /dev/null in its place. Returns 0 where Bun has to tell that what somebody writes to it is not read. */
int input_empty(void);

/* Puts it back, for Bun. */
void input_restore(void);

#endif
