/*
 * A stage for `run` and `create`, started before Bun: it waits for its first program by the time that there is one.
 */
#ifndef BRUN_FRONT_AHEAD_H
#define BRUN_FRONT_AHEAD_H

#include "stage.h"

/* Starts it, once; where that fails nothing is open, and brun starts one when it needs it. */
void ahead_start(void);

/* Keeps the stack that the kernel has made (argc, argv, 0, envp, 0), for what brun asks. */
void ahead_keep_stack(const long *stack);

/* Takes it, so that brun finds none. Returns its pid with its socket, or -errno. */
long ahead_take(int *socket);

/* What brun asks by bun:ffi. */
enum ahead_question {
	AHEAD_IMAGE,  /* descriptor of the stage's memfd, made when there is none; or -errno */
	AHEAD_SOCKET, /* -1 when none was started */
	AHEAD_PID,
	AHEAD_ERROR, /* -errno of an execve that has failed, or 0 */
	AHEAD_BUILD, /* behind.build */
	/* argv and envp in bytes, each string with its NUL: Bun has made text of them. */
	AHEAD_STRINGS,    /* address of the first */
	AHEAD_SIZE,       /* of all of them, in bytes */
	AHEAD_WORDS,      /* argc */
	AHEAD_OPEN_FILES, /* soft limit of open files with which brun was called */
};

#endif
