/* A small init: process 1 of a container, whose only child becomes the program. */
#ifndef BRUN_INIT_H
#define BRUN_INIT_H

/*
 * Clones the caller. The child returns 0 and becomes the program. It leads a new process group, in the foreground
 * of the terminal on its stdin. The caller does not return. It keeps only stdio and CAP_KILL, hands its signals
 * on, and reaps processes. It ends with the child's exit code, or 128 plus the signal's number.
 *
 * If a seccomp filter refuses a call, there is no child: 0 is returned to the caller, which becomes the program
 * itself, as without an init. All signals but those that end the stage need their default actions before.
 */
long become_init(void);

#endif
