/* Catches signals that come while brun makes something that would stay, and while it becomes the supervisor. */
#ifndef BRUN_EARLY_H
#define BRUN_EARLY_H

#include "../sys.h"

/*
 * From now on, every signal that would end this process is written as one byte to fd. That is a pipe which brun
 * checks whenever it waits, and which the supervisor reads first. Blocking the signals is not enough: Bun has
 * several threads, and a signal goes to any thread that does not block it. CATCH_ALL adds signals that would stop
 * this process, and blocks all signals in the calling thread. Those that come after execve has ended the other
 * threads then stay pending for the supervisor. CATCH_ATTACHED adds SIGWINCH. With fd -1 the signals end this
 * process again. 0 or -errno.
 */
long catch_signals(int fd, int which);

#endif
