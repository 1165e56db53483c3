/*
 * The dialogue of the front with a stage. This is the only driver of the sync protocol in C; src/stage/session.ts
 * is the one in TypeScript.
 */
#ifndef BRUN_FRONT_CONVERSATION_H
#define BRUN_FRONT_CONVERSATION_H

#include "../stage/keep.h"
#include "../stage/message.h"
#include "../plan/program.h"

struct conversation {
	int socket;
	long stage;               /* the process that clones and then ends; 0 once it is reaped */
	long pid;                 /* the process that executes the program; 0 until the stage reports it */
	int pidfd;                /* its pidfd, or -1 */
	int terminal;             /* the pty master that it has sent, or -1 */
	int detached;             /* the terminal is for another process */
	unsigned int supervise;   /* SUPERVISE_* */
	unsigned int timeout;     /* in milliseconds, or 0 */
	struct keep_request keep; /* the output is kept if it has a directory */
	int signals;              /* signalfd(2) of signals that end the conversation, or -1 */
	struct failure failure;   /* the failure that the stage has reported; op UINT32_MAX for none */
};

/* Begins a conversation with a new stage. 0, or -errno with nothing open. */
long conversation_begin(struct conversation *talk, int signals);

/* 0 or -errno. */
long conversation_send(const struct conversation *talk, unsigned int type);
long conversation_send_program(const struct conversation *talk, const unsigned char *data, size_t size);

/*
 * Answers messages until only execve can fail. Calls `go_on` once: when the process waits for its id maps, if `maps` says
 * that it will, otherwise when its pid is known. Calls `hooks` after that, when the process waits for hooks. Both may be null.
 * 0 or -errno.
 */
long conversation_await_ready(struct conversation *talk, int maps, long (*go_on)(void *),
			      long (*hooks)(void *), void *context);

/*
 * Lets the process execute its program. From then on all signals wait for the supervisor. Returns 0 if the program
 * runs. Otherwise the signals are as before, and the conversation has to be abandoned.
 */
long conversation_run(struct conversation *talk);

/* Ends and reaps the processes; `signals` stays open. */
void conversation_abandon(struct conversation *talk);

/*
 * Supervises the running process, and exits with its status. Besides stdio, only the descriptor of the container's
 * directory stays open (-1 for none). The clean-up program uses it (size 0 for none).
 */
__attribute__((noreturn)) void conversation_supervise(const struct conversation *talk,
						      struct machine *machine, long directory,
						      unsigned char *program, size_t size);

/* Waits for a child to end, reaps it, and returns its status. */
int reap(long pid);

#endif
