/* The terminal of brun while it shows the container's: it is raw, and passes on its size. */
#ifndef BRUN_RAW_MODE_H
#define BRUN_RAW_MODE_H

#include "../sys.h"

#include <asm/termbits.h>

struct raw_mode {
	int host;     /* the terminal of brun; -1 without one */
	int terminal; /* the container's terminal; -1 without one */
	struct termios saved;
	int is_on; /* the host's terminal is raw, and has to be restored */
};

/* Does nothing unless there are two terminals. */
void raw_mode_enter(struct raw_mode *mode);

void raw_mode_leave(struct raw_mode *mode);

/* Whether the host's terminal may be read and changed, because this process is in its foreground. */
int raw_mode_is_foreground(const struct raw_mode *mode);

/* Gives the container's terminal the size of the host's. */
void raw_mode_copy_size(const struct raw_mode *mode);

/* Whether the container's terminal turns this key into this signal: SIGINT or SIGQUIT. */
int raw_mode_is_key_of(const struct raw_mode *mode, unsigned int sig, unsigned char key);

#endif
