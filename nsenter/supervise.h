/* The foreground process of `brun run` and `brun exec`, once everything has been set up. */
#ifndef BRUN_SUPERVISE_H
#define BRUN_SUPERVISE_H

#include "keep.h"
#include "program.h"
#include "sys.h"

#define SUPERVISE_INIT 1U           /* the process is an init (init.h), whose program can be stopped */
#define SUPERVISE_STAYS 2U          /* the program is run only when the client has gone */
#define SUPERVISE_MAGIC 0x72757362U /* "bsur" */

/* Written by src/stage/supervise.ts into a memfd; the clean-up program follows it. */
struct supervise_request {
	uint32_t magic;
	int32_t pid;      /* the container's process, our child */
	int32_t pidfd;    /* of it */
	int32_t terminal; /* pty master, or -1: the container has our own stdio */
	int32_t host;     /* our own terminal, whose size and mode matter, or -1 */
	int32_t notify;   /* socket that the container sends sd_notify messages to, or -1 */
	int32_t upstream; /* socket connected to our own NOTIFY_SOCKET, or -1 */
	int32_t early;    /* pipe with signals that came too early, one byte each (see early.h) */
	uint32_t program; /* size of the program to run when the process has ended, or 0 */
	uint32_t timeout; /* milliseconds after which the process is killed, or 0 */
	uint32_t flags;   /* SUPERVISE_… */
	struct keep_request keep;
	int32_t client;    /* socket: the process is killed when the other end of it is closed; or -1 */
	uint32_t reserved; /* the program is 8-aligned */
};

/* Forwards signals, terminal and notifications, waits, cleans up by the program and exits with the process's status. */
__attribute__((noreturn)) void supervise_process(struct machine *machine,
						 const struct supervise_request *request,
						 unsigned char *program);

/* The same, with request and program in a file. */
__attribute__((noreturn)) void supervise(struct machine *machine, int fd);

#endif
