/*
 * `run --detach` of a container without a bundle: a process in the background makes it as `run` in the foreground does, and
 * stays as the supervisor that keeps its output (../stage/keep.h). As src/cli/background.ts and
 * src/container/io/kept-streams.ts.
 */
#ifndef BRUN_FRONT_BACKGROUND_H
#define BRUN_FRONT_BACKGROUND_H

#include "plan-file.h"

/*
 * Has a process in the background do a command by `follow`, which returns where Bun has to do it. Ends when the program runs
 * there, or when that process has been killed; otherwise returns.
 */
void background_run(const struct plan_file *plan, const struct command *command,
		    void (*follow)(const struct plan_file *plan, const struct command *command));

/* Where warnings go: stderr, also where this process has given that to the container. */
long background_stderr(void);

/* Our ends of the container's streams; -1 for those that it has otherwise. */
void background_streams(struct keep_request *keep);

/* The program runs: says so to the caller, whose streams are let go of. 0, or -EPIPE when it has gone; in the foreground 0. */
long background_tell(const char *id);

#endif
