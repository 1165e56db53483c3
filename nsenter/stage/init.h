/* A small init: process 1 of a container, whose only child becomes the program. */
#ifndef BRUN_INIT_H
#define BRUN_INIT_H

/*
 * Clones the caller. The child returns 0 and becomes the program: it leads a process group of its own, in the foreground
 * of the terminal that is its stdin. The caller does not return: it keeps no descriptor but stdio and no capability but
 * CAP_KILL, hands its signals on, reaps whatever ends, and ends with the child's exit code, or 128 and the signal's
 * number.
 *
 * A seccomp filter may refuse what this needs. Then there is no child: 0 is returned to the caller, which becomes the program
 * itself, as it does without an init. Every signal but those that end the stage has to have its default action.
 */
long become_init(void);

#endif
