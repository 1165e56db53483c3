/* The terminal that brun was started on, and the container's: src/container/io/terminal.ts. */
#ifndef BRUN_FRONT_TERMINAL_H
#define BRUN_FRONT_TERMINAL_H

#include "../sys.h"

/* The first of stdin, stdout and stderr that is a terminal, or -1. */
int host_terminal(void);

/* Prepares a received pty master. It gets the size of brun's terminal, and "\n" is printed as on that. */
void terminal_prepare(int master);

/* Gives a pty master the size of brun's terminal. */
void terminal_resize(int master);

/* Sends a pty master to --console-socket, like src/container/io/console.ts. 0 or -errno. */
long terminal_send(const char *path, int master);

#endif
