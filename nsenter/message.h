/* Sync messages between brun and the stage, over a SOCK_SEQPACKET socketpair. */
#ifndef BRUN_MESSAGE_H
#define BRUN_MESSAGE_H

#include "sys.h"

#define MESSAGE_VERSION 1

/* Types that the stage itself knows; the others are named by the program (src/stage/messages.ts). */
enum message_type {
	PROC_PROGRAM = 1,
	PROC_PID = 2,
	PROC_ERROR = 3,
};

struct message_header {
	uint16_t version;
	uint16_t type;
	uint32_t length; /* of the payload; PROC_PROGRAM's comes in packets of its own */
};

/* Sends a message with at most 24 bytes of payload and, unless -1, a file descriptor. 0 or -errno. */
long message_send(int sync, unsigned int type, const void *payload, size_t length, int fd);

/* Waits for a message of this type without payload or with 8 bytes, which go to *value. 0 or -errno. */
long message_await(int sync, unsigned int type, int64_t *value);

/* Receives a program into fresh memory. Returns its size, 0 when the peer has closed, or -errno. */
long message_receive_program(int sync, unsigned char **data);

#endif
