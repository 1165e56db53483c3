/* Signals of the stage, until execve puts every disposition back. */
#ifndef BRUN_SIGNALS_H
#define BRUN_SIGNALS_H

#include "../sys.h"

/* struct sigaction as the kernel has it on x86-64 and arm64. */
struct kernel_sigaction {
	uint64_t handler;
	uint64_t flags;
	uint64_t restorer;
	uint64_t mask;
};

/*
 * Lets the signals end the stage that end any program. As process 1 of a pid namespace it would be spared those
 * whose disposition is the default one (pid_namespaces(7)): a created container could not be told to stop.
 */
void die_of_signals(void);

/* Of the signals that one stops a program with, as a mask, those that would end this process. */
uint64_t deadly_signals(void);

#endif
