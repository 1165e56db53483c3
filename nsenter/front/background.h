/*
 * `run --detach` of a container without a bundle. A process in the background makes it as `run` in the foreground
 * does, and stays as the supervisor that keeps its output (../stage/keep.h). Like src/cli/background.ts and
 * src/container/io/kept-streams.ts.
 */
#ifndef BRUN_FRONT_BACKGROUND_H
#define BRUN_FRONT_BACKGROUND_H

#include "plan-file.h"

/*
 * Lets a process in the background do a command by `follow`, which returns if Bun has to do it. This process ends
 * when the program runs there, or when the other one was killed. Otherwise it returns.
 */
void background_run(const struct plan_file *plan, const struct command *command,
		    void (*follow)(const struct plan_file *plan, const struct command *command));

/* The descriptor for warnings: the caller's stderr, even if stderr belongs to the container already. */
long background_stderr(void);

/* Gets brun's ends of the container's streams; -1 for streams without one. */
void background_streams(struct keep_request *keep);

/*
 * Tells the caller that the program runs, and releases its streams. 0, or -EPIPE if the caller is
 * gone; 0 in the foreground.
 */
long background_tell(const char *id);

#endif
