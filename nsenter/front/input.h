/* stdin for a container without a bundle that does not read brun's. */
#ifndef BRUN_FRONT_INPUT_H
#define BRUN_FRONT_INPUT_H

/* Replaces stdin by /dev/null. Returns 0 if Bun has to warn that data written to it is not read. */
int input_empty(void);

/* Restores stdin, for Bun. Returns whether it had been replaced. */
int input_restore(void);

#endif
