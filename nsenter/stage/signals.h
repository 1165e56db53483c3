/* The signals of the stage, until execve resets every action. */
#ifndef BRUN_SIGNALS_H
#define BRUN_SIGNALS_H

#include "../sys.h"

/* struct sigaction of the kernel on x86-64 and arm64. */
struct kernel_sigaction {
	uint64_t handler;
	uint64_t flags;
	uint64_t restorer;
	uint64_t mask;
};

/*
 * Lets the signals that end other programs end the stage, too. As process 1 of a pid namespace it would ignore
 * those with the default action (pid_namespaces(7)), and could not be stopped while a container is created.
 */
void die_of_signals(void);

/* A mask of the signals that are used to stop a program and would end this process. */
uint64_t deadly_signals(void);

#endif
