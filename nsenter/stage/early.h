/* Signals that come while brun makes something that it would leave behind, and while it becomes the supervisor. */
#ifndef BRUN_EARLY_H
#define BRUN_EARLY_H

#include "../sys.h"

/*
 * From now on every signal that would end this process is written as one byte to fd, a pipe that brun looks at
 * wherever it waits, and that the supervisor reads first. Bun has several threads: a signal goes to any that does not
 * block it, so blocking them here alone would not do. With CATCH_ALL also what would stop this process, and the calling
 * thread blocks all, so that those that come after the others have been ended by execve stay pending for the
 * supervisor. With CATCH_ATTACHED also SIGWINCH. With fd -1 they end this process again. 0 or -errno.
 */
long catch_signals(int fd, int which);

#endif
