/* The terminal that brun was started on, while the container's is shown on it: raw, with its size handed on. */
#ifndef BRUN_RAW_MODE_H
#define BRUN_RAW_MODE_H

#include "../sys.h"

#include <asm/termbits.h>

struct raw_mode {
	int host;     /* the terminal that brun was started on; -1 without one */
	int terminal; /* the container's; -1 without one */
	struct termios saved;
	int is_on; /* the host's terminal is raw, and has to be put back */
};

/* Does nothing where there are no two terminals. */
void raw_mode_enter(struct raw_mode *mode);

void raw_mode_leave(struct raw_mode *mode);

/* Whether the host's terminal may be read and changed: a shell has not put us into the background. */
int raw_mode_is_foreground(const struct raw_mode *mode);

/* Gives the container's terminal the size of the host's. */
void raw_mode_copy_size(const struct raw_mode *mode);

/* Whether a key is one that the container's terminal makes this signal of: SIGINT or SIGQUIT. */
int raw_mode_is_key_of(const struct raw_mode *mode, unsigned int sig, unsigned char key);

#endif
