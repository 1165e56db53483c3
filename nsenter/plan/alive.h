/* Identifies processes by pid and start time. */
#ifndef BRUN_ALIVE_H
#define BRUN_ALIVE_H

#include "../sys.h"

/*
 * Returns 0 if the process with this pid started at start_time (clock ticks since boot, field 22 of
 * proc_pid_stat(5)) and is no zombie. Returns -ESRCH if there is no such process, or another -errno;
 * -ENOENT without procfs, which is needed to tell.
 */
long process_alive(uint64_t pid, uint64_t start_time);

/*
 * Gets the start time of a process, in the same ticks. Returns 0, or -errno; -ESRCH if there is
 * none, or it is a zombie.
 */
long process_start_time(uint64_t pid, uint64_t *start_time);

/*
 * Gets a numeric field of proc_pid_stat(5), counted from field 3, and the state. Returns 0 or -errno; -ESRCH if
 * there is no such process.
 */
long process_stat(uint64_t pid, int field, uint64_t *value, char *state);

#endif
