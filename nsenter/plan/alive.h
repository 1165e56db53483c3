/* Whether a process is the one that is meant. */
#ifndef BRUN_ALIVE_H
#define BRUN_ALIVE_H

#include "../sys.h"

/*
 * Returns 0 when the process of this pid started at start_time (clock ticks since boot, field 22 of
 * proc_pid_stat(5)) and is no zombie, -ESRCH when there is none such, or another -errno.
 */
long process_alive(uint64_t pid, uint64_t start_time);

/* When the process started, in those ticks. Returns 0, or -errno; -ESRCH when there is none or it is a zombie. */
long process_start_time(uint64_t pid, uint64_t *start_time);

/*
 * A field of proc_pid_stat(5) that is a number, counted from field 3, and the state. Returns 0 or -errno, -ESRCH when there
 * is no such process.
 */
long process_stat(uint64_t pid, int field, uint64_t *value, char *state);

#endif
