/* The terminal that brun was started on, and the container's: src/container/io/terminal.ts. */
#ifndef BRUN_FRONT_TERMINAL_H
#define BRUN_FRONT_TERMINAL_H

#include "../sys.h"

/* Which of stdin, stdout and stderr is a terminal, or -1. */
int host_terminal(void);

/* Prepares a pty master that has come: its size becomes that of our terminal, whose "\n" it is to print. */
void terminal_prepare(int master);

#endif
