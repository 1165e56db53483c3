/* Signals that come while brun is becoming the supervisor. */
#ifndef BRUN_EARLY_H
#define BRUN_EARLY_H

#include "sys.h"

/*
 * From now on every signal that would end this process is written as one byte to fd, a pipe that the supervisor
 * reads first. Bun has several threads: a signal goes to any that does not block it, so blocking them here
 * alone would not do. The calling thread blocks all, so that those that come after the others have been ended
 * by execve stay pending for the supervisor. 0 or -errno.
 */
long catch_signals(int fd);

#endif
