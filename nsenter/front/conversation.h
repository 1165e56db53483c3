/* What the front and a stage say to each other: the only driver of the sync protocol in C, as src/stage/session.ts is in TypeScript. */
#ifndef BRUN_FRONT_CONVERSATION_H
#define BRUN_FRONT_CONVERSATION_H

#include "../stage/keep.h"
#include "../stage/message.h"
#include "../plan/program.h"

struct conversation {
	int socket;
	long stage;             /* the process that clones, and ends then; 0 when it has been reaped */
	long pid;               /* the one that will execute a program, once the stage has said so; else 0 */
	int pidfd;              /* of it, or -1 */
	int terminal;           /* the pty master that it has sent, or -1 */
	unsigned int supervise; /* SUPERVISE_* */
	unsigned int timeout;   /* in milliseconds, or 0 */
	struct keep_request keep; /* with a directory: the output is kept */
	int signals;              /* signalfd(2) of those that end the conversation, or -1 */
	struct failure
	    failure; /* what the stage has said of an operation that failed; op UINT32_MAX: nothing */
};

/* Begins one with a fresh stage. 0, or -errno with nothing open. */
long conversation_begin(struct conversation *talk, int signals);

/* 0 or -errno. */
long conversation_send(const struct conversation *talk, unsigned int type);
long conversation_send_program(const struct conversation *talk, const unsigned char *data, size_t size);

/*
 * Answers messages until nothing but execve can fail. `map` has the ids mapped when the process waits for that, and may be
 * null. 0 or -errno.
 */
long conversation_await_ready(struct conversation *talk, long (*map)(void *), void *context);

/*
 * Has the process that is ready execute its program. From then on all signals wait for the supervisor. 0 when it runs;
 * else signals are as they were, and it has to be abandoned.
 */
long conversation_run(struct conversation *talk);

/* Ends and reaps the processes; `signals` stays. */
void conversation_abandon(const struct conversation *talk);

/*
 * Supervises the process that runs, and exits with its status. Of this process's descriptors, besides stdio, the
 * container's directory stays (-1: none), which is for the program that runs then (size 0: none).
 */
__attribute__((noreturn)) void conversation_supervise(const struct conversation *talk,
						      struct machine *machine, long directory,
						      unsigned char *program, size_t size);

/* Waits for a child to end, and returns its status. */
int reap(long pid);

#endif
