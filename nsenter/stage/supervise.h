/* The foreground process of `brun run` and `brun exec` after everything is set up. */
#ifndef BRUN_SUPERVISE_H
#define BRUN_SUPERVISE_H

#include "keep.h"
#include "../plan/program.h"
#include "../sys.h"

/*
 * Forwards signals, terminal and notifications, waits for the process, runs the clean-up program, and exits
 * with the process's status.
 */
__attribute__((noreturn)) void supervise_process(struct machine *machine,
						 const struct supervise_request *request,
						 unsigned char *program);

/* The same, with request and program in a file. */
__attribute__((noreturn)) void supervise(struct machine *machine, int fd);

#endif
